//! Everything a policy can reach: the interface `host`, and an empty WASI.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::bindings::oftp::policy::{host, types as wit_types};
use crate::bindings::types::{Level, OutboundFile};
use crate::guest_event::{GuestEvent, GuestOutput, Wasi};
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
            table: ResourceTable::new(),
        }
    }

    pub(crate) fn begin(&mut self, ticks: u32) {
        self.ticks_left = ticks;
        self.calls_left = CALLS;
        self.meter.denied = None;
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

/// No files, no sockets, no environment, no arguments; time and chance come from the event.
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
        Ok(())
    }

    async fn setting(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        self.count_call()?;
        Ok(self.settings.get(&key).cloned())
    }

    async fn settings(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        self.count_call()?;
        Ok(self
            .settings
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
        Ok(files)
    }

    async fn session_get(&mut self, key: String) -> wasmtime::Result<Option<Vec<u8>>> {
        self.count_call()?;
        Ok(self.session_values.get(&key))
    }

    async fn session_set(
        &mut self,
        key: String,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), String>> {
        self.count_call()?;
        Ok(self.session_values.set(key, value))
    }

    async fn kv_get(&mut self, key: String) -> wasmtime::Result<Option<Vec<u8>>> {
        self.count_call()?;
        Ok(self.services.kv_get(&self.policy, &key).await)
    }

    async fn kv_set(
        &mut self,
        key: String,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), String>> {
        self.count_call()?;
        if let Err(refused) = check_pair(&key, &value) {
            return Ok(Err(refused));
        }
        Ok(self.services.kv_set(&self.policy, &key, value).await)
    }

    async fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(u64::try_from(self.event.now().as_millis()).unwrap_or(u64::MAX))
    }
}
