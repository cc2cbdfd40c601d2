//! Between a page and the log: who asks too much is turned away, what is read or done is recorded first, and what began is
//! finished whoever closes the window.
use super::{Console, trouble, trouble::Problem, visitor::Visitor, words::Text};
use crate::{
    edge::Costly,
    inspect,
    limits::CALL_MS_MAX,
    pipeline::{Reading, StaffCall},
    refusal::Code,
};
use axum::response::Response;
use std::{sync::Arc, time::Duration};

/// How a call is limited, and how its refusal is told.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    costly: Costly,
    /// Heads the page of a refusal.
    pub(super) title: Text,
    /// Who may.
    pub(super) roles: &'static [Text],
    /// What to do about a field that is wrong.
    pub(super) advice: Option<Text>,
}

/// Looks at the log.
pub(super) const LOG: Manner = Manner {
    costly: Costly::Read,
    title: Text::NotShown,
    roles: &[Text::RoleCompliance, Text::RoleAuditor],
    advice: None,
};
/// Looks at what compliance officers keep.
pub(super) const LOOK: Manner = Manner {
    roles: &[Text::RoleCompliance],
    ..LOG
};
/// Changes it.
pub(super) const CHANGE: Manner = Manner {
    costly: Costly::Change,
    title: Text::NotDone,
    advice: Some(Text::MendForm),
    ..LOOK
};

impl Manner {
    /// With other advice.
    pub(super) const fn advising(self, advice: Option<Text>) -> Self {
        Self { advice, ..self }
    }
}

impl Console {
    /// What was read, recorded; or the page that says why not.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        visitor: &Visitor,
        case: impl Future<Output = Reading<T>> + Send + 'static,
    ) -> Result<T, Response> {
        self.attend(visitor, LOG, case).await
    }

    /// Records that something is refused which never came to be read, and gives the page that says so.
    pub(super) async fn refuse(&self, visitor: &Visitor, call: StaffCall, problem: Problem) -> Response {
        self.refuse_as(visitor, LOG.advising(problem.advice), call, problem.code)
            .await
    }

    /// As [`Console::refuse`], in another manner.
    pub(super) async fn refuse_as(&self, visitor: &Visitor, manner: Manner, call: StaffCall, code: Code) -> Response {
        let case = inspect::refuse(Arc::clone(&self.gate), visitor.peer.clone(), call, code);
        match self.attend(visitor, manner, case).await {
            Ok(never) => match never {},
            Err(page) => page,
        }
    }

    /// What was read or done, recorded; or the page that says why not.
    pub(super) async fn attend<T: Send + 'static>(
        &self,
        visitor: &Visitor,
        manner: Manner,
        case: impl Future<Output = Reading<T>> + Send + 'static,
    ) -> Result<T, Response> {
        let uri = visitor.peer.uri();
        let turned_away = || {
            self.counter.count(Code::RateLimited.name(), uri);
            trouble::counted(visitor, Code::RateLimited)
        };
        if !self.edge.allows(uri, manner.costly) {
            return Err(turned_away());
        }
        let under_way = self.edge.begin(uri).ok_or_else(turned_away)?;
        let running = self.tasks.spawn(async move {
            let done = case.await;
            drop(under_way);
            done
        });
        match tokio::time::timeout(Duration::from_millis(CALL_MS_MAX), running).await {
            Ok(Ok(Ok(Ok(done)))) => Ok(done),
            Ok(Ok(Ok(Err(refusal)))) => {
                self.edge.refused(uri);
                Err(trouble::refused(visitor, &refusal, manner))
            }
            Ok(Ok(Err(error))) => Err(trouble::not_recorded(visitor, error)),
            // It panicked: its slot has written ABANDONED.
            Ok(Err(_)) => Err(trouble::counted(visitor, Code::Internal)),
            // It goes on and will be recorded.
            Err(_) => Err(trouble::counted(visitor, Code::DeadlineExceeded)),
        }
    }
}
