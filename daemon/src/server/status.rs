//! Errors as gRPC statuses, and the health service.

use std::{collections::HashMap, sync::Arc};

use softkeep_proto::error::ERROR_DOMAIN;
use tonic::{Code, Status};
use tonic_health::{
    ServingStatus,
    pb::health_server::{Health, HealthServer},
};
use tonic_types::{ErrorDetails, StatusExt};

use crate::{error::Error, pipeline::Pipeline};

/// An error as a status with `google.rpc.ErrorInfo`; its cause stays here.
pub fn of(error: Error) -> Status {
    let mut details =
        ErrorDetails::with_error_info(error.code.reason(), ERROR_DOMAIN, HashMap::<String, String>::new());
    if error.request_id != 0 {
        details.set_request_info(request_id(&error), "");
    }
    Status::with_error_details(Code::from_i32(error.code.grpc() as i32), brief(error.detail), details)
}

/// The longest text that goes back with an error. It travels in a header, up to three times as long, and clients refuse large headers.
const MAX_DETAIL_BYTES: usize = 1024;

/// A text that may repeat what the caller sent, cut to a length that can be sent back.
pub fn brief(mut detail: String) -> String {
    if detail.len() > MAX_DETAIL_BYTES {
        detail.truncate(detail.floor_char_boundary(MAX_DETAIL_BYTES));
        detail.push('…');
        // What was cut off is given back now, not when the reply has been read.
        detail.shrink_to_fit();
    }
    detail
}

/// The request of an error, written as the audit log writes it; empty before there is one.
pub fn request_id(error: &Error) -> String {
    if error.request_id == 0 { String::new() } else { format!("{:016x}", error.request_id) }
}

/// `grpc.health.v1`: SERVING while unsealed, for the daemon as a whole ("") and for each service that needs keys.
pub fn health(pipeline: &Arc<Pipeline>) -> HealthServer<impl Health> {
    const NEED_KEYS: [&str; 9] = [
        "",
        "softkeep.v1.Crypto",
        "softkeep.v1.Keys",
        "softkeep.v1.Secrets",
        "softkeep.v1.Certificates",
        "softkeep.v1.Vaults",
        "softkeep.v1.Access",
        "softkeep.v1.Audit",
        "softkeep.pkcs11.v1.Module",
    ];
    let (reporter, server) = tonic_health::server::health_reporter();
    let mut reason = pipeline.seal_reason();
    tokio::spawn(async move {
        reporter.set_service_status("softkeep.v1.System", ServingStatus::Serving).await;
        loop {
            let sealed = !reason.borrow_and_update().is_empty();
            let status = if sealed { ServingStatus::NotServing } else { ServingStatus::Serving };
            for service in NEED_KEYS {
                reporter.set_service_status(service, status).await;
            }
            if reason.changed().await.is_err() {
                return;
            }
        }
    });
    server
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_repeats_megabytes_is_cut() {
        assert_eq!(brief("short".into()), "short");
        let cut = brief("€".repeat(1_000_000));
        assert!(cut.ends_with('…') && cut.starts_with('€') && cut.len() <= MAX_DETAIL_BYTES + '…'.len_utf8());
        assert!(of(Error::vault_not_found(&"x".repeat(1_000_000))).details().len() < 2 * MAX_DETAIL_BYTES);
    }
}
