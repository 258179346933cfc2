//! `softkeep.v1.Audit`.

use std::pin::Pin;

use softkeep_proto::v1::{self, audit_server::Audit};
use tokio_stream::{
    Stream, StreamExt, iter,
    wrappers::{BroadcastStream, errors::BroadcastStreamRecvError},
};
use tonic::{Request, Response, Status};

use super::Services;
use crate::ops::{tail_audit::TailAudit, verify_audit::VerifyAudit};

#[tonic::async_trait]
impl Audit for Services {
    type TailStream = Pin<Box<dyn Stream<Item = Result<v1::TailReply, Status>> + Send>>;

    async fn tail(&self, request: Request<v1::TailRequest>) -> Result<Response<Self::TailStream>, Status> {
        let follow = request.get_ref().follow;
        let (lines, next) = self.run(request, |request| TailAudit::parse(request.lines)).await?;
        let shown = iter(lines).map(|line| Ok(v1::TailReply { line }));
        if !follow {
            return Ok(Response::new(Box::pin(shown)));
        }
        let next = BroadcastStream::new(next).map(|line| match line {
            Ok(line) => Ok(v1::TailReply { line: line.to_string() }),
            Err(BroadcastStreamRecvError::Lagged(count)) => {
                Err(Status::data_loss(format!("{count} lines passed too quickly to follow; read them with audit tail")))
            }
        });
        Ok(Response::new(Box::pin(shown.chain(next))))
    }

    async fn verify_log(&self, request: Request<v1::VerifyLogRequest>) -> Result<Response<v1::VerifyLogReply>, Status> {
        let report = self.run(request, |_| Ok(VerifyAudit)).await?;
        Ok(Response::new(v1::VerifyLogReply {
            intact: report.findings.is_empty(),
            records: report.records,
            files: report.files,
            checkpoints: report.checkpoints,
            anchored_sequence: report.anchored_sequence.unwrap_or_default(),
            findings: report.findings,
        }))
    }
}
