//! Everything a policy can reach: the interface `host`, and an empty WASI.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::bindings::oftp::policy::{host, types as wit_types};
use crate::bindings::types::{Level, OutboundFile};
use crate::guest_event::{GuestEvent, GuestOutput, Wasi};
use crate::host_calls::{self, HostCalls};
use crate::meter::Meter;
use crate::services::HostServices;
use crate::session_values::{SessionValues, check_pair};

/// Calls into the server one event may make.
const CALLS: u32 = 1000;
const LONGEST_LIST: u32 = 1000;

/// The state behind one instance.
pub(crate) struct GuestContext {
    pub(crate) policy: Arc<str>,
    pub(crate) settings: Arc<BTreeMap<String, String>>,
    pub(crate) services: Arc<dyn HostServices>,
    pub(crate) session_values: SessionValues,
    pub(crate) event: Arc<GuestEvent>,
    pub(crate) meter: Meter,
    /// Ticks the guest may still run in this event.
    pub(crate) ticks_left: u32,
    calls_left: u32,
    calls: HostCalls,
    wasi: WasiCtx,
    table: ResourceTable,
}

impl GuestContext {
    pub(crate) fn new(
        policy: Arc<str>,
        settings: Arc<BTreeMap<String, String>>,
        services: Arc<dyn HostServices>,
        session_values: SessionValues,
        event: Arc<GuestEvent>,
        meter: Meter,
    ) -> Self {
        GuestContext {
            policy,
            settings,
            services,
            session_values,
            wasi: empty_wasi(&event),
            event,
            meter,
            ticks_left: 0,
            calls_left: 0,
            calls: HostCalls::default(),
            table: ResourceTable::new(),
        }
    }

    pub(crate) fn begin(&mut self, ticks: u32) {
        self.ticks_left = ticks;
        self.calls_left = CALLS;
        self.meter.denied = None;
    }

    /// The calls that were noted since the last question.
    pub(crate) fn take_calls(&mut self) -> HostCalls {
        std::mem::take(&mut self.calls)
    }

    fn note(
        &mut self,
        function: &'static str,
        arguments: impl FnOnce() -> Vec<Value>,
        answer: impl FnOnce() -> Value,
    ) {
        self.calls.note(&self.policy, function, arguments, answer);
    }

    fn note_get(&mut self, function: &'static str, key: &str, value: Option<&[u8]>) {
        let answer = || value.map_or(Value::Null, host_calls::octets);
        self.note(
            function,
            || vec![host_calls::octets(key.as_bytes())],
            answer,
        );
    }

    fn note_set(
        &mut self,
        function: &'static str,
        key: &str,
        value: Value,
        set: &Result<(), String>,
    ) {
        let arguments = || vec![host_calls::octets(key.as_bytes()), value];
        self.note(function, arguments, || host_calls::outcome(set));
    }

    fn count_call(&mut self) -> wasmtime::Result<()> {
        self.calls_left = self.calls_left.checked_sub(1).ok_or_else(|| {
            wasmtime::Error::msg(format!(
                "more than {CALLS} calls into the server in one event"
            ))
        })?;
        Ok(())
    }
}

/// WASI without files, sockets, environment and arguments; time and random numbers come from the event.
fn empty_wasi(event: &Arc<GuestEvent>) -> WasiCtx {
    let wasi = Wasi(event.clone());
    WasiCtx::builder()
        .wall_clock(wasi.clone())
        .monotonic_clock(wasi.clone())
        .secure_random(wasi.clone())
        .insecure_random(wasi)
        .insecure_random_seed(event.seed())
        .stdout(GuestOutput(event.clone(), Level::Info))
        .stderr(GuestOutput(event.clone(), Level::Error))
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .build()
}

impl WasiView for GuestContext {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl wit_types::Host for GuestContext {}

impl host::Host for GuestContext {
    async fn log(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        // Not counted: the log has limits of its own, and dropping a line is kinder than a trap.
        self.event.log(level, &message);
        let line = || host_calls::line(level, &message);
        self.note("log", line, || Value::Null);
        Ok(())
    }

    async fn setting(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        self.count_call()?;
        let setting = self.settings.get(&key).cloned();
        // Its value may be a secret.
        let answer = || json!({ "set": setting.is_some() });
        self.note(
            "setting",
            || vec![host_calls::octets(key.as_bytes())],
            answer,
        );
        Ok(setting)
    }

    async fn settings(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        self.count_call()?;
        let settings = Arc::clone(&self.settings);
        self.note(
            "settings",
            Vec::new,
            || json!({ "set": settings.keys().collect::<Vec<_>>() }),
        );
        Ok(settings
            .iter()
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect())
    }

    async fn list_outbound(
        &mut self,
        partner: String,
        limit: u32,
    ) -> wasmtime::Result<Vec<OutboundFile>> {
        self.count_call()?;
        let limit = limit.min(LONGEST_LIST);
        let mut files = self.services.list_outbound(&partner, limit).await;
        files.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let arguments = || vec![host_calls::octets(partner.as_bytes()), json!(limit)];
        self.note("list-outbound", arguments, || host_calls::files(&files));
        Ok(files)
    }

    async fn session_get(&mut self, key: String) -> wasmtime::Result<Option<Vec<u8>>> {
        self.count_call()?;
        let value = self.session_values.get(&key);
        self.note_get("session-get", &key, value.as_deref());
        Ok(value)
    }

    async fn session_set(
        &mut self,
        key: String,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), String>> {
        self.count_call()?;
        let shown = host_calls::octets(&value);
        let set = self.session_values.set(key.clone(), value);
        self.note_set("session-set", &key, shown, &set);
        Ok(set)
    }

    async fn kv_get(&mut self, key: String) -> wasmtime::Result<Option<Vec<u8>>> {
        self.count_call()?;
        let value = self.services.kv_get(&self.policy, &key).await;
        self.note_get("kv-get", &key, value.as_deref());
        Ok(value)
    }

    async fn kv_set(
        &mut self,
        key: String,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), String>> {
        self.count_call()?;
        let shown = host_calls::octets(&value);
        let set = match check_pair(&key, &value) {
            Ok(()) => self.services.kv_set(&self.policy, &key, value).await,
            Err(refused) => Err(refused),
        };
        self.note_set("kv-set", &key, shown, &set);
        Ok(set)
    }

    async fn now(&mut self) -> wasmtime::Result<u64> {
        let now = u64::try_from(self.event.now().as_millis()).unwrap_or(u64::MAX);
        self.note("now", Vec::new, || json!(now));
        Ok(now)
    }
}
