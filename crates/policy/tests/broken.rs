//! Components that cannot be deployed, and what the operator is told; the compile child.

#![cfg(test)]

mod common;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use common::*;
use pointsman_policy::types::FileDecision;
use pointsman_policy::{
    ComponentFault, Conversation, Decided, Engine, FailureKind, Hook, LoadError, PolicySet,
    PolicySpec, ResourceLimits,
};

/// Deploy these octets.
async fn deploy(engine: &Engine, octets: &[u8]) -> Result<PolicySet, LoadError> {
    deploy_within(engine, octets, ResourceLimits::default()).await
}

async fn deploy_within(
    engine: &Engine,
    octets: &[u8],
    limits: ResourceLimits,
) -> Result<PolicySet, LoadError> {
    let folder = tempfile::tempdir().unwrap();
    let component = folder.path().join("policy.wasm");
    std::fs::write(&component, octets).unwrap();
    let spec = PolicySpec {
        name: "gate".to_owned(),
        component,
        limits,
        ..PolicySpec::default()
    };
    PolicySet::load(engine, vec![spec]).await
}

/// What its compiler may use: seconds, and MiB.
fn compiler(seconds: u64, mebibytes: u64) -> ResourceLimits {
    let mut limits = ResourceLimits::default();
    limits.compile.cpu = Duration::from_secs(seconds);
    limits.compile.memory = mebibytes << 20;
    limits
}

async fn fault(engine: &Engine, octets: &[u8]) -> ComponentFault {
    match deploy(engine, octets).await.unwrap_err() {
        LoadError::Component {
            policy,
            digest,
            fault,
            ..
        } => {
            assert_eq!((policy.as_str(), digest.len()), ("gate", 64));
            fault
        }
        other => panic!("{other}"),
    }
}

async fn fault_of_text(text: &str) -> ComponentFault {
    fault(&ENGINE, &wat::parse_str(text).unwrap()).await
}

#[tokio::test]
async fn what_is_no_component_is_said_so() {
    assert!(matches!(
        fault(&ENGINE, b"PK\x03\x04").await,
        ComponentFault::NotWasm
    ));
    assert!(matches!(fault(&ENGINE, b"").await, ComponentFault::NotWasm));
    assert!(matches!(
        fault_of_text("(module)").await,
        ComponentFault::CoreModule
    ));

    let whole = std::fs::read(component("misbehave")).unwrap();
    for length in [5, 9, 100, whole.len() / 2, whole.len() - 1] {
        let fault = fault(&ENGINE, &whole[..length]).await;
        assert!(
            matches!(fault, ComponentFault::Malformed(_)),
            "{length} octets: {fault}"
        );
    }
}

/// What a component answers: within its time, and a failure is named and answered as deployed.
async fn answer_of(policies: &PolicySet) -> Decided<FileDecision> {
    let server = std::sync::Arc::new(Server::default());
    let mut session = Conversation::open(policies.current(), "s".to_owned(), server);
    let (partner, offered) = (acme(), file("X"));
    let asked = session.accept_file(&partner, &offered, noon());
    let answer = tokio::time::timeout(Duration::from_secs(60), asked).await;
    let answer = answer.expect("the question has its bound");
    if let [failure, others @ ..] = answer.failures.as_slice() {
        assert!(others.is_empty(), "{answer:?}");
        assert_eq!(
            (failure.policy.as_str(), failure.hook),
            ("gate", Hook::AcceptFile)
        );
        let FileDecision::Refuse(refusal) = &answer.decision else {
            panic!("a policy that fails takes no file: {answer:?}");
        };
        assert_eq!((refusal.reason, refusal.retry), (99, true));
    }
    answer
}

/// Some octets at random: most of such damage is seen before the component runs.
fn damage_anywhere(octets: &mut [u8], chance: &mut Chance) {
    for _ in 0..3 {
        octets[chance.below(octets.len())] ^= chance.below(256) as u8;
    }
}

/// One in so many additions of small numbers becomes a subtraction: nobody sees that before the component runs.
fn damage_sums(octets: &mut [u8], chance: &mut Chance, one_in: usize) {
    let (constant, add, subtract) = (0x41, 0x6A, 0x6B);
    for place in 2..octets.len() {
        let sum = octets[place - 2] == constant && octets[place - 1] < 64 && octets[place] == add;
        if sum && chance.below(one_in) == 0 {
            octets[place] = subtract;
        }
    }
}

#[tokio::test]
async fn random_damage_is_refused_or_harmless() {
    let whole = std::fs::read(component("known-partners")).unwrap();
    let mut chance = Chance::new();
    let mut asked = 0;
    for round in 1..=20 {
        let mut damaged = whole.clone();
        if round % 2 == 0 {
            damage_sums(&mut damaged, &mut chance, round);
        } else {
            damage_anywhere(&mut damaged, &mut chance);
        }
        match deploy(&ENGINE, &damaged).await {
            Err(LoadError::Component { policy, .. }) => assert_eq!(policy, "gate"),
            Err(other) => panic!("it is the component's fault: {other}"),
            Ok(policies) => {
                println!("{round}: {:?}", answer_of(&policies).await);
                asked += 1;
            }
        }
    }
    assert!(asked > 0, "no damage was where it can still be asked");
    let unhurt = answer_of(&deploy(&ENGINE, &whole).await.unwrap()).await;
    assert_eq!(unhurt.failures, [], "others have nothing of it");
}

#[tokio::test]
async fn imports_are_checked_before_anything_is_compiled() {
    // The module inside does not compile: a complaint about it would mean that it came first.
    let text = r#"(component
        (import "acme:database/sql@1.0.0" (instance))
        (core module (func (result i32))))"#;
    let ComponentFault::ForbiddenImport(import) = fault_of_text(text).await else {
        panic!("it was refused for another reason");
    };
    assert_eq!(import, "acme:database/sql@1.0.0");

    let fault = fault_of_text(r#"(component (import "wasi:http/outgoing-handler@0.2.0" (instance (export "handle" (func)))))"#).await;
    assert!(matches!(fault, ComponentFault::Imports(_)), "{fault}");
    assert!(
        fault.to_string().contains("wasi:http/outgoing-handler"),
        "{fault}"
    );
}

#[tokio::test]
async fn what_would_never_be_asked_is_refused_and_named() {
    let fault = fault_of_text("(component)").await;
    assert!(matches!(fault, ComponentFault::NoHooks), "{fault}");
    assert!(
        fault.to_string().contains("`oftp:policy/connections`"),
        "{fault}"
    );
    // A hook of a newer server, and one of an older contract: a rule would be missing, and nobody would see it.
    for hook in ["oftp:policy/weather@0.2.7", "oftp:policy/files@0.1.0"] {
        let text = format!(r#"(component (instance $hook) (export "{hook}" (instance $hook)))"#);
        let fault = fault_of_text(&text).await;
        assert!(matches!(fault, ComponentFault::UnknownHook(_)), "{fault}");
        assert!(fault.to_string().contains(hook), "{fault}");
    }
}

#[tokio::test]
async fn a_hook_without_its_function_or_of_another_type_is_named() {
    let empty =
        r#"(component (instance $hook) (export "oftp:policy/turns@0.2.0" (instance $hook)))"#;
    let fault = fault_of_text(empty).await;
    assert!(matches!(fault, ComponentFault::Exports(_)), "{fault}");
    assert!(fault.to_string().contains("ready-to-send"), "{fault}");

    let other = r#"(component
        (core module $m (func (export "f")))
        (core instance $i (instantiate $m))
        (func $f (canon lift (core func $i "f")))
        (instance $hook (export "ready-to-send" (func $f)))
        (export "oftp:policy/turns@0.2.0" (instance $hook)))"#;
    let fault = fault_of_text(other).await;
    assert!(fault.to_string().contains("ready-to-send"), "{fault}");
}

#[tokio::test]
async fn a_component_that_traps_at_its_start_is_found_before_it_counts() {
    let traps = std::fs::read(component("traps-at-start")).unwrap();
    let fault = fault(&ENGINE, &traps).await;
    assert!(
        matches!(
            fault,
            ComponentFault::Start {
                kind: FailureKind::Trap,
                ..
            }
        ),
        "{fault}"
    );
    assert!(fault.to_string().contains("nothing works here"), "{fault}");
}

#[tokio::test]
async fn too_large_or_missing_files_are_said_so() {
    let mut spec = spec("misbehave", &[]);
    spec.limits = ResourceLimits {
        component: 1000,
        ..ResourceLimits::default()
    };
    let error = PolicySet::load(&ENGINE, vec![spec.clone()])
        .await
        .unwrap_err();
    assert!(
        matches!(error, LoadError::TooBig { limit: 1000, .. }),
        "{error}"
    );

    spec.component = PathBuf::from("/nowhere/policy.wasm");
    let error = PolicySet::load(&ENGINE, vec![spec]).await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("policy `misbehave`: cannot read /nowhere/policy.wasm: No such file"),
        "{error}"
    );
}

fn with_child() -> Engine {
    with_program(&compiler_program(), Vec::new())
}

/// A component that keeps the compiler busy for a few seconds.
fn heavy() -> Vec<u8> {
    let mut functions = String::new();
    for n in 0..4000 {
        write!(functions, "(func (param i64 i64) (result i64) local.get 0").unwrap();
        for i in 0..200 {
            write!(
                functions,
                " local.get 1 i64.const {} i64.xor i64.mul local.tee 0",
                n * i
            )
            .unwrap();
        }
        functions.push(')');
    }
    wat::parse_str(format!("(component (core module {functions}))")).unwrap()
}

#[tokio::test]
async fn what_the_child_compiles_runs() {
    let engine = with_child();
    let octets = std::fs::read(component("misbehave")).unwrap();
    let policies = deploy(&engine, &octets).await.unwrap();
    let server = std::sync::Arc::new(Server::default());
    let mut session = Conversation::open(policies.current(), "s".to_owned(), server);
    let answer = session.accept_file(&acme(), &file("COUNT"), noon()).await;
    assert!(
        matches!(answer.decision, FileDecision::Accept(_)),
        "{:?}",
        answer.failures
    );
}

#[tokio::test]
async fn what_does_not_compile_is_told_by_the_child() {
    let invalid = wat::parse_str("(component (core module (func (result i32))))").unwrap();
    let fault = fault(&with_child(), &invalid).await;
    assert!(matches!(fault, ComponentFault::Compile(_)), "{fault}");
    assert!(fault.to_string().contains("type mismatch"), "{fault}");
}

#[tokio::test]
async fn a_child_ends_at_its_limits_and_the_server_does_not() {
    let heavy = heavy();
    let limited = async |limits| {
        let error = deploy_within(&with_child(), &heavy, limits).await;
        error.unwrap_err().to_string()
    };
    let told = limited(compiler(1, 512)).await;
    assert!(
        told.contains("SIGXCPU") && told.contains("`limits.compile_time` of the policy is 1 s"),
        "{told}"
    );
    let told = limited(compiler(60, 64)).await;
    assert!(
        told.contains("SIGABRT")
            && told.contains("`limits.compile_memory` of the policy is 64 MiB"),
        "{told}"
    );

    // The next component is compiled as if nothing had happened.
    let octets = std::fs::read(component("known-partners")).unwrap();
    deploy_within(&with_child(), &octets, compiler(60, 256))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_child_that_is_none_is_told() {
    let octets = std::fs::read(component("known-partners")).unwrap();
    let fault_with = async |program: &str| {
        let fault = fault(&with_program(Path::new(program), Vec::new()), &octets).await;
        assert!(matches!(fault, ComponentFault::Compiler(_)), "{fault}");
        fault.to_string()
    };
    let told = fault_with("/nowhere/pointsman").await;
    assert!(told.contains("cannot start /nowhere/pointsman"), "{told}");
    let told = fault_with("/bin/echo").await;
    assert!(told.contains("its artefact does not load"), "{told}");
    let told = fault_with("/bin/true").await;
    assert!(told.contains("its artefact does not load"), "{told}");
    let told = fault_with("/bin/false").await;
    assert!(
        told.contains("the child ended with exit status: 1"),
        "{told}"
    );
}
