//! One HTTP/2 server per listener, with its limits.
use super::{
    Desk,
    generated::{
        admin_service_server::AdminServiceServer, audit_service_server::AuditServiceServer,
        consent_service_server::ConsentServiceServer, exchange_service_server::ExchangeServiceServer,
        log_hold_service_server::LogHoldServiceServer, log_service_server::LogServiceServer,
        notice_service_server::NoticeServiceServer, persons_service_server::PersonsServiceServer,
        records_service_server::RecordsServiceServer, subject_request_service_server::SubjectRequestServiceServer,
    },
    size::Bounded,
};
use crate::{
    channel::Conn,
    limits::{
        CALL_CUT_MS, CONNECTION_AGE_S_MAX, HEADER_LIST_BYTES_MAX, KEEPALIVE_INTERVAL_S, KEEPALIVE_TIMEOUT_S,
        MESSAGE_BYTES_MAX, PENDING_RESETS_MAX, STREAMS_PER_CONNECTION_MAX, UNARY_MESSAGE_BYTES_MAX,
    },
    wire::DESCRIPTOR,
};
use std::{future::Future, io, time::Duration};
use tokio_stream::Stream;
use tonic::{Request, service::InterceptorLayer, transport::Server};
use tonic_health::pb::health_server::{Health, HealthServer};

/// What a listener serves.
pub struct Services<H: Health> {
    /// Our services.
    pub desk: Desk,
    /// `grpc.health.v1`.
    pub health: HealthServer<H>,
    /// `grpc.reflection.v1`, if the configuration says so.
    pub reflection: bool,
    /// Services of the institution's own people: on the listener of partners they do not exist.
    pub staff: bool,
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
        staff,
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
    let audit = staff.then(|| {
        let service = AuditServiceServer::new(desk.clone());
        Bounded::new(service.max_decoding_message_size(UNARY_MESSAGE_BYTES_MAX), &desk)
    });
    let subject_requests = staff.then(|| {
        let service = SubjectRequestServiceServer::new(desk.clone());
        Bounded::new(service.max_decoding_message_size(UNARY_MESSAGE_BYTES_MAX), &desk)
    });
    let log_holds = staff.then(|| {
        let service = LogHoldServiceServer::new(desk.clone());
        Bounded::new(service.max_decoding_message_size(UNARY_MESSAGE_BYTES_MAX), &desk)
    });
    let admin = staff.then(|| {
        let service = AdminServiceServer::new(desk.clone());
        Bounded::new(service.max_decoding_message_size(UNARY_MESSAGE_BYTES_MAX), &desk)
    });
    // One check for all services, health and reflection too: what a connection may do ends with its certificate.
    let asked = desk.clone();
    let certificate_is_good = move |request: Request<()>| asked.peer(&request).map(|_| request);
    Server::builder()
        .layer(InterceptorLayer::new(certificate_is_good))
        .timeout(Duration::from_millis(CALL_CUT_MS))
        .max_concurrent_streams(STREAMS_PER_CONNECTION_MAX)
        .max_connection_age(Duration::from_secs(CONNECTION_AGE_S_MAX))
        .http2_keepalive_interval(Some(Duration::from_secs(KEEPALIVE_INTERVAL_S)))
        .http2_keepalive_timeout(Some(Duration::from_secs(KEEPALIVE_TIMEOUT_S)))
        .http2_max_header_list_size(HEADER_LIST_BYTES_MAX)
        .http2_max_pending_accept_reset_streams(Some(PENDING_RESETS_MAX))
        .add_service(health)
        .add_optional_service(reflection)
        .add_service(Bounded::new(
            ExchangeServiceServer::new(desk.clone()).max_decoding_message_size(UNARY_MESSAGE_BYTES_MAX),
            &desk,
        ))
        .add_service(Bounded::new(
            ConsentServiceServer::new(desk.clone()).max_decoding_message_size(UNARY_MESSAGE_BYTES_MAX),
            &desk,
        ))
        .add_service(Bounded::new(
            LogServiceServer::new(desk.clone()).max_decoding_message_size(UNARY_MESSAGE_BYTES_MAX),
            &desk,
        ))
        .add_service(Bounded::new(
            NoticeServiceServer::new(desk.clone()).max_decoding_message_size(UNARY_MESSAGE_BYTES_MAX),
            &desk,
        ))
        .add_service(Bounded::new(
            PersonsServiceServer::new(desk.clone()).max_decoding_message_size(UNARY_MESSAGE_BYTES_MAX),
            &desk,
        ))
        .add_optional_service(audit)
        .add_optional_service(subject_requests)
        .add_optional_service(log_holds)
        .add_optional_service(admin)
        .add_service(
            Bounded::new(
                RecordsServiceServer::new(desk.clone()).max_decoding_message_size(UNARY_MESSAGE_BYTES_MAX),
                &desk,
            )
            .and_for_providers(RecordsServiceServer::new(desk.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)),
        )
        .serve_with_incoming_shutdown(incoming, stop)
        .await
}
