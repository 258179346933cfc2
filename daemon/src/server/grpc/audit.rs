//! `softkeep.v1.Audit`.

use std::pin::Pin;

use softkeep_proto::v1::{self, audit_server::Audit};
use tokio_stream::{
    Stream, StreamExt, iter,
    wrappers::{BroadcastStream, errors::BroadcastStreamRecvError},
};
use tonic::{Request, Response, Status};

use super::{Services, status};
use crate::{
    audit::record::Door,
    ops::{tail_audit::TailAudit, verify_audit::VerifyAudit},
};

#[tonic::async_trait]
impl Audit for Services {
    type TailStream = Pin<Box<dyn Stream<Item = Result<v1::TailReply, Status>> + Send>>;

    async fn tail(&self, request: Request<v1::TailRequest>) -> Result<Response<Self::TailStream>, Status> {
        let (caller, request) = self.caller_of(request)?;
        let follow = request.follow;
        let tail = TailAudit::parse(request.lines).map_err(status::of)?;
        let (lines, next) = self.pipeline.run(caller.clone(), Door::Grpc, tail).await.map_err(status::of)?;
        let shown = iter(lines).map(|line| Ok(v1::TailReply { line }));
        if !follow {
            return Ok(Response::new(Box::pin(shown)));
        }
        // Who may no longer read the log reads no further line of it, and the stream ends.
        let pipeline = self.pipeline.clone();
        let still_may = move || {
            let tail = TailAudit::parse(0);
            tail.and_then(|tail| pipeline.check(caller.clone(), tail)).map_err(status::of)
        };
        let next = BroadcastStream::new(next).map(move |line| match line {
            Ok(line) => still_may().map(|()| v1::TailReply { line: line.to_string() }),
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
