//! A call knows its connection: tonic puts [`ConnInfo`] into the extensions of every request.
use crate::channel::{Conn, ConnInfo};
use tonic::transport::server::Connected;

impl Connected for Conn {
    type ConnectInfo = ConnInfo;

    fn connect_info(&self) -> ConnInfo {
        self.info().clone()
    }
}
