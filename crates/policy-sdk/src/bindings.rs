//! The WIT files in Rust.

wit_bindgen::generate!({
    path: "../../wit",
    world: "policy",
    pub_export_macro: true,
    default_bindings_module: "pointsman_policy_sdk::bindings",
    additional_derives: [PartialEq],
});
