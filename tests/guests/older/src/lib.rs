//! A policy as it was built against `oftp:policy@0.2.0`, whose files lie beside it and are never changed. It answers
//! every hook of that time and calls the server, so that each record has its old shape both ways.

wit_bindgen::generate!({ path: "wit", world: "policy" });

use exports::oftp::policy::connections::{self, ConnectionDecision, SessionTerms};
use exports::oftp::policy::files::{self, FileDecision, FileTerms};
use exports::oftp::policy::responses::{self, ResponseInfo};
use exports::oftp::policy::transfers::{self, ResponseDecision, ResponseTerms, TransferResult};
use exports::oftp::policy::turns::{self, TurnDecision, TurnTerms};
use oftp::policy::host;
use oftp::policy::types::{ConnectionInfo, FileInfo};

struct Older;

export!(Older);

fn label(value: &str) -> Vec<(String, String)> {
    vec![("older".to_owned(), value.to_owned())]
}

impl connections::Guest for Older {
    fn accept_connection(connection: ConnectionInfo) -> Result<ConnectionDecision, String> {
        Ok(ConnectionDecision::Accept(SessionTerms {
            partner: None,
            ssid_code: None,
            level: None,
            buffer_size: None,
            credit: host::setting("credit").and_then(|credit| credit.parse().ok()),
            mode: None,
            compression: None,
            restart: None,
            secure_authentication: None,
            max_file_kib: None,
            idle_timeout: None,
            directory: None,
            labels: label(&connection.ssid_code),
        }))
    }
}

impl files::Guest for Older {
    fn accept_file(_: ConnectionInfo, file: FileInfo) -> Result<FileDecision, String> {
        Ok(FileDecision::Accept(FileTerms {
            directory: Some("older".to_owned()),
            file_name: None,
            overwrite: None,
            restart: None,
            record_layout: None,
            labels: label(&file.dataset_name),
        }))
    }
}

impl transfers::Guest for Older {
    fn end_transfer(
        _: ConnectionInfo,
        transfer: TransferResult,
    ) -> Result<ResponseDecision, String> {
        Ok(ResponseDecision::Positive(ResponseTerms {
            directory: None,
            file_name: None,
            request_turn: None,
            labels: label(&transfer.octets.to_string()),
        }))
    }
}

impl turns::Guest for Older {
    fn ready_to_send(connection: ConnectionInfo) -> Result<TurnDecision, String> {
        let waiting = host::list_outbound(&connection.partner.unwrap_or_default(), 10);
        Ok(TurnDecision::Send(TurnTerms {
            files: Some(waiting.into_iter().rev().map(|file| file.id).collect()),
            max_files: None,
        }))
    }
}

impl responses::Guest for Older {
    fn end_response(_: ConnectionInfo, response: ResponseInfo) -> Result<(), String> {
        host::kv_set("last", response.dataset_name.as_bytes())
    }
}
