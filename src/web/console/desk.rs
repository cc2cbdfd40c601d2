//! Between a page and the log: who reads too much is turned away, what is read is recorded first, and a reading that began
//! is finished whoever closes the window.
use super::{Console, trouble, trouble::Problem, visitor::Visitor};
use crate::{
    edge::Costly,
    inspect,
    limits::CALL_MS_MAX,
    pipeline::{Reading, StaffCall},
    refusal::Code,
};
use axum::response::Response;
use std::{sync::Arc, time::Duration};

impl Console {
    /// What was read, recorded; or the page that says why not.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        visitor: &Visitor,
        case: impl Future<Output = Reading<T>> + Send + 'static,
    ) -> Result<T, Response> {
        self.read_or_advise(visitor, None, case).await
    }

    /// Records that something is refused which never came to be read, and gives the page that says so.
    pub(super) async fn refuse(&self, visitor: &Visitor, call: StaffCall, problem: Problem) -> Response {
        let case = inspect::refuse(Arc::clone(&self.gate), visitor.peer.clone(), call, problem.code);
        match self.read_or_advise(visitor, problem.advice, case).await {
            Ok(never) => match never {},
            Err(page) => page,
        }
    }

    async fn read_or_advise<T: Send + 'static>(
        &self,
        visitor: &Visitor,
        advice: Option<super::words::Text>,
        case: impl Future<Output = Reading<T>> + Send + 'static,
    ) -> Result<T, Response> {
        let uri = visitor.peer.uri();
        let turned_away = || {
            self.counter.count(Code::RateLimited.name(), uri);
            trouble::counted(visitor, Code::RateLimited)
        };
        if !self.edge.allows(uri, Costly::Read) {
            return Err(turned_away());
        }
        let under_way = self.edge.begin(uri).ok_or_else(turned_away)?;
        let running = self.tasks.spawn(async move {
            let done = case.await;
            drop(under_way);
            done
        });
        match tokio::time::timeout(Duration::from_millis(CALL_MS_MAX), running).await {
            Ok(Ok(Ok(Ok(read)))) => Ok(read),
            Ok(Ok(Ok(Err(refusal)))) => {
                self.edge.refused(uri);
                // A role or a scope that is missing says more than the field that was wrong beside it.
                let advice = advice.filter(|_| refusal.value().code() == Code::FieldInvalid);
                Err(trouble::refused(visitor, &refusal, advice))
            }
            Ok(Ok(Err(error))) => Err(trouble::not_recorded(visitor, error)),
            // It panicked: its slot has written ABANDONED.
            Ok(Err(_)) => Err(trouble::counted(visitor, Code::Internal)),
            // It goes on and will be recorded.
            Err(_) => Err(trouble::counted(visitor, Code::DeadlineExceeded)),
        }
    }
}
