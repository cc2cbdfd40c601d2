//! How large a message may be, by who sends it; and the reply to a larger one, which is ours and counted.
//!
//! tonic keeps a message in memory until it is whole, before any service sees it, so the bound times the calls that a
//! peer may have open is what the peer can make us keep. Only the data holder's own systems send more than an envelope.
use super::{Desk, refused_for_size};
use crate::{agreement::Role, channel::ConnInfo, refusal::Code};
use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};
use tonic::{body::Body, server::NamedService};
use tower_service::Service;

type Answer = Result<http::Response<Body>, Infallible>;

/// A service with its bound, and perhaps the same service with a larger one.
#[derive(Clone)]
pub(super) struct Bounded<S> {
    ordinary: S,
    for_providers: Option<S>,
    desk: Desk,
}

impl<S> Bounded<S> {
    pub(super) fn new(ordinary: S, desk: &Desk) -> Self {
        Self {
            ordinary,
            for_providers: None,
            desk: desk.clone(),
        }
    }

    pub(super) fn and_for_providers(self, large: S) -> Self {
        Self {
            for_providers: Some(large),
            ..self
        }
    }
}

impl<S: NamedService> NamedService for Bounded<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<http::Request<Body>> for Bounded<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        if let Some(large) = &mut self.for_providers {
            std::task::ready!(large.poll_ready(context))?;
        }
        self.ordinary.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let info = request.extensions().get::<ConnInfo>();
        let uri = info.map(|info| info.peer().uri().to_owned()).unwrap_or_default();
        let member = self.desk.gate.view.register.by_uri(&uri);
        let provider = member.is_some_and(|member| member.role == Role::Provider);
        let calling = match &mut self.for_providers {
            Some(large) if provider => large.call(request),
            _ => self.ordinary.call(request),
        };
        let desk = self.desk.clone();
        Box::pin(async move {
            let response = calling.await?;
            let status = tonic::Status::from_header_map(response.headers());
            Ok(match status {
                Some(status) if refused_for_size(&status) => desk.turn_away(Code::TooLarge, &uri).into_http(),
                _ => response,
            })
        })
    }
}
