//! Answers each question as its settings say, one setting a term, and logs what it is told.

use std::str::FromStr;

use pointsman_policy_sdk::{
    Answer, ConnectionDecision, ConnectionInfo, FileDecision, FileInfo, FileTerms, FileToQueue,
    Policy, QueueDecision, QueueTerms, RecordLayout, ResponseDecision, ResponseInfo, ResponseKind,
    ResponseTerms, SecurityLevel, SessionTerms, TransferDirection, TransferMode, TransferOutcome,
    TransferResult, TurnDecision, TurnTerms, info, list_outbound, policy, refuse, setting,
    settings,
};

struct Terms;

policy!(Terms);

impl Policy for Terms {
    fn accept_connection(connection: &ConnectionInfo) -> Answer<ConnectionDecision> {
        info!(
            "told of a connection: ssid {} level {} mode {} password-ok {}",
            connection.ssid_code,
            connection.level,
            mode(connection.mode),
            connection.password_ok
        );
        if let Some(text) = setting("refuse-connection") {
            return Ok(ConnectionDecision::Refuse(refuse(5, text)));
        }
        Ok(ConnectionDecision::Accept(SessionTerms {
            partner: setting("partner"),
            ssid_code: setting("ssid-code"),
            level: said("level"),
            buffer_size: said("buffer-size"),
            credit: said("credit"),
            mode: setting("mode").map(|word| match word.as_str() {
                "send-only" => TransferMode::SendOnly,
                "receive-only" => TransferMode::ReceiveOnly,
                _ => TransferMode::Both,
            }),
            compression: said("compression"),
            restart: said("restart"),
            secure_authentication: said("secure-authentication"),
            max_file_kib: said("max-file-kib"),
            idle_timeout: said("idle-timeout"),
            directory: setting("directory"),
            labels: Vec::new(),
        }))
    }

    fn accept_file(connection: &ConnectionInfo, file: &FileInfo) -> Answer<FileDecision> {
        info!(
            "told of a file: {} restart {} authenticated {}",
            file.dataset_name, file.restart, connection.authenticated
        );
        Ok(FileDecision::Accept(FileTerms {
            directory: setting("file-directory"),
            file_name: setting("file-name")
                .map(|name| name.replace("{dataset}", &file.dataset_name)),
            overwrite: said("overwrite"),
            restart: said("file-restart"),
            record_layout: setting("record-layout").map(|word| match word.as_str() {
                "lines" => RecordLayout::Lines,
                "length-prefixed" => RecordLayout::LengthPrefixed,
                _ => RecordLayout::Raw,
            }),
            labels: label("file-label"),
        }))
    }

    fn end_transfer(
        connection: &ConnectionInfo,
        transfer: &TransferResult,
    ) -> Answer<ResponseDecision> {
        info!(
            "told of an end: {} {} {} records {} octets {} restarted-at {} slow {} asked {} path {} mode {} labels {:?} signature-valid {:?} extra {:?}",
            match transfer.direction {
                TransferDirection::Received => "received",
                TransferDirection::Sent => "sent",
            },
            transfer.file.dataset_name,
            match &transfer.outcome {
                TransferOutcome::Completed => "completed",
                TransferOutcome::Refused(_) => "refused",
                TransferOutcome::Aborted(_) => "aborted",
            },
            transfer.records,
            transfer.octets,
            transfer.restarted_at,
            transfer.duration_ms >= 1000,
            transfer.asked,
            transfer.path.as_deref().unwrap_or("none"),
            mode(connection.mode),
            transfer.labels,
            transfer.signature_valid,
            transfer.extra,
        );
        let answer = match transfer.asked {
            0 => setting("answer"),
            _ => setting("answer-then"),
        };
        let reason = |usual| said("reason").unwrap_or(usual);
        Ok(match answer.as_deref() {
            Some("negative") => ResponseDecision::Negative(refuse(reason(34), "not here")),
            Some("refuse") => ResponseDecision::Refuse(refuse(reason(20), "not like this")),
            Some("later") => ResponseDecision::Later(1),
            _ => ResponseDecision::Positive(ResponseTerms {
                directory: setting("end-directory"),
                file_name: setting("end-file-name"),
                request_turn: said("request-turn"),
                labels: label("end-label"),
            }),
        })
    }

    fn ready_to_send(connection: &ConnectionInfo) -> Answer<TurnDecision> {
        if let Some(why) = setting("hold") {
            return Ok(TurnDecision::Hold(why));
        }
        let partner = connection.partner.as_deref().unwrap_or_default();
        if setting("tell-files").is_some() {
            for file in list_outbound(partner, 10) {
                info!("told of a file to send: labels {:?}", file.labels);
            }
        }
        let newest_first = || {
            let files = list_outbound(partner, 10).into_iter().rev();
            files.map(|file| file.id).collect()
        };
        Ok(TurnDecision::Send(TurnTerms {
            files: setting("newest-first").map(|_| newest_first()),
            max_files: said("max-files"),
        }))
    }

    fn end_response(_: &ConnectionInfo, response: &ResponseInfo) -> Answer<()> {
        let kind = match &response.kind {
            ResponseKind::Delivered => "delivered".to_owned(),
            ResponseKind::Rejected(why) => {
                format!("rejected {} {:?} by {}", why.reason, why.text, why.creator)
            }
        };
        info!(
            "told of a response: {kind}: {} {} {} user {:?} from {} to {} known {} hash {:?} {:?} signature {:?} problem {:?}",
            response.dataset_name,
            response.date,
            response.time,
            response.user,
            response.originator,
            response.destination,
            response.outbound_id.is_some(),
            response.file_hash,
            response.hash_ok,
            response.signature_ok,
            response.problem,
        );
        Ok(())
    }

    fn queue_file(file: &FileToQueue) -> Answer<QueueDecision> {
        info!(
            "told of a file to queue: {file:?}, {} wait",
            list_outbound(&file.partner, 10).len()
        );
        if let Some(text) = setting("queue-fails") {
            return Err(text);
        }
        if let Some(text) = setting("queue-refuse") {
            return Ok(QueueDecision::Refuse(text));
        }
        if let Some(text) = setting("queue-later") {
            return Ok(QueueDecision::Later(text));
        }
        if !settings().iter().any(|(key, _)| key.starts_with("queue-")) {
            return Ok(QueueDecision::Pass);
        }
        Ok(QueueDecision::Queue(QueueTerms {
            security: setting("queue-security").map(|word| match word.as_str() {
                "signed" => SecurityLevel::Signed,
                "encrypted" => SecurityLevel::Encrypted,
                "encrypted-and-signed" => SecurityLevel::EncryptedAndSigned,
                _ => SecurityLevel::None,
            }),
            cipher_suite: said("queue-suite"),
            compressed: said("queue-compressed"),
            signed_response: said("queue-signed-response"),
            labels: label("queue-label"),
        }))
    }
}

fn said<T: FromStr>(key: &str) -> Option<T> {
    setting(key).and_then(|text| text.parse().ok())
}

/// One label, or none.
fn label(key: &str) -> Vec<(String, String)> {
    let said = setting(key);
    said.into_iter()
        .map(|value| (key.to_owned(), value))
        .collect()
}

fn mode(mode: TransferMode) -> &'static str {
    match mode {
        TransferMode::SendOnly => "send-only",
        TransferMode::ReceiveOnly => "receive-only",
        TransferMode::Both => "both",
    }
}
