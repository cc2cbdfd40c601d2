//! One HTTP/2 server per listener, with its limits.
use super::{
    Desk,
    generated::{
        consent_service_server::ConsentServiceServer, exchange_service_server::ExchangeServiceServer,
        log_service_server::LogServiceServer, records_service_server::RecordsServiceServer,
    },
};
use crate::{
    channel::Conn,
    limits::{
        CONNECTION_AGE_S_MAX, HEADER_LIST_BYTES_MAX, KEEPALIVE_INTERVAL_S, KEEPALIVE_TIMEOUT_S, MESSAGE_BYTES_MAX,
        PENDING_RESETS_MAX, STREAMS_PER_CONNECTION_MAX,
    },
    wire::DESCRIPTOR,
};
use std::{future::Future, io, time::Duration};
use tokio_stream::Stream;
use tonic::transport::Server;
use tonic_health::pb::health_server::{Health, HealthServer};

/// What a listener serves.
pub struct Services<H: Health> {
    /// Our services.
    pub desk: Desk,
    /// `grpc.health.v1`.
    pub health: HealthServer<H>,
    /// `grpc.reflection.v1`, if the configuration says so.
    pub reflection: bool,
}

/// Serves until `stop` resolves, then finishes the calls that are under way.
pub async fn serve<H: Health>(
    services: Services<H>,
    incoming: impl Stream<Item = io::Result<Conn>>,
    stop: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error> {
    let Services {
        desk,
        health,
        reflection,
    } = services;
    let reflection = reflection
        .then(|| {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(DESCRIPTOR)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
                .build_v1()
                .ok()
        })
        .flatten();
    Server::builder()
        .max_concurrent_streams(STREAMS_PER_CONNECTION_MAX)
        .max_connection_age(Duration::from_secs(CONNECTION_AGE_S_MAX))
        .http2_keepalive_interval(Some(Duration::from_secs(KEEPALIVE_INTERVAL_S)))
        .http2_keepalive_timeout(Some(Duration::from_secs(KEEPALIVE_TIMEOUT_S)))
        .http2_max_header_list_size(HEADER_LIST_BYTES_MAX)
        .http2_max_pending_accept_reset_streams(Some(PENDING_RESETS_MAX))
        .add_service(health)
        .add_optional_service(reflection)
        .add_service(ExchangeServiceServer::new(desk.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX))
        .add_service(ConsentServiceServer::new(desk.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX))
        .add_service(LogServiceServer::new(desk.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX))
        .add_service(RecordsServiceServer::new(desk).max_decoding_message_size(MESSAGE_BYTES_MAX))
        .serve_with_incoming_shutdown(incoming, stop)
        .await
}
