//! The request path: each refusal as the caller sees it and as the audit entry tells it, and what is answered.
mod agreed;
mod answers;
mod consents;
mod envelope;
mod log_holds;
mod members;
mod records;
mod register;
mod repeats;
mod sessions;
mod signed;
mod subject_requests;
mod trouble;

const QUERY: &str = "/tollgate.v1.ExchangeService/Query";
const OPEN_SESSION: &str = "/tollgate.v1.ExchangeService/OpenSession";
const CLOSE_SESSION: &str = "/tollgate.v1.ExchangeService/CloseSession";
const LIST_SIGNALS: &str = "/tollgate.v1.ExchangeService/ListSignals";
const KEY_LIST: &str = "/tollgate.v1.ExchangeService/GetKeyList";
const GRANT: &str = "/tollgate.v1.ConsentService/Grant";
const CONFIRM: &str = "/tollgate.v1.ConsentService/Confirm";
const WITHDRAW: &str = "/tollgate.v1.ConsentService/Withdraw";
const GET: &str = "/tollgate.v1.ConsentService/Get";
const LIST: &str = "/tollgate.v1.ConsentService/List";
const LOAD: &str = "/tollgate.v1.RecordsService/Load";
const CORRECT: &str = "/tollgate.v1.RecordsService/Correct";
const CHECKPOINT: &str = "/tollgate.v1.LogService/GetCheckpoint";
const CONSISTENCY: &str = "/tollgate.v1.LogService/ProveConsistency";
