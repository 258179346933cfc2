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
    Status::with_error_details(Code::from_i32(error.code.grpc() as i32), error.detail, details)
}

/// The request of an error, written as the audit log writes it; empty before there is one.
pub fn request_id(error: &Error) -> String {
    if error.request_id == 0 { String::new() } else { format!("{:016x}", error.request_id) }
}

/// `grpc.health.v1`: SERVING while unsealed, for the daemon as a whole ("") and for each service that needs keys.
pub fn health(pipeline: &Arc<Pipeline>) -> HealthServer<impl Health> {
    const NEED_KEYS: [&str; 7] = [
        "",
        "softkeep.v1.Crypto",
        "softkeep.v1.Keys",
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
