//! `softkeep audit verify`: exit code 1 when anything is wrong.

use serde_json::json;
use softkeep_proto::v1::VerifyLogRequest;

use crate::{
    client::Context,
    commands::Reply,
    error::{Error, Result},
};

/// Has the daemon check the log and prints what it found.
pub async fn run(context: &Context) -> Result<Reply> {
    let report = context.audit().await?.verify_log(VerifyLogRequest {}).await?.into_inner();
    let mut reply = Reply::value(json!({
        "anchoredSequence": report.anchored_sequence,
        "checkpoints": report.checkpoints,
        "files": report.files,
        "findings": report.findings,
        "intact": report.intact,
        "records": report.records,
    }));
    if !report.intact || !report.findings.is_empty() {
        let first = report.findings.first().map_or("no finding given", String::as_str);
        reply.then = Some(
            Error::local(format!("the audit log is not intact: {first}"))
                .fix("keep the files as they are and find out who changed them; the findings name file and line"),
        );
    }
    Ok(reply)
}
