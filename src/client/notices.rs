//! Notices of corrections: fetched, and acknowledged once they are dealt with.
use super::{Client, ClientError, Verified, call::SealedMethod};
use crate::{
    limits::{ACKNOWLEDGED_PER_CALL_MAX, NOTICE_PAGES_MAX},
    wire::v1,
};

impl Client {
    /// A page of our notices after `page_token`, oldest first.
    pub async fn notices_page(&self, page_token: Vec<u8>) -> Result<Verified<v1::Notices>, ClientError> {
        let make = |header| v1::ListNotices {
            header: Some(header),
            page_token,
        };
        self.ask(SealedMethod::ListNotices, v1::PartnerDetail::default(), None, make)
            .await
    }

    /// All our notices, oldest first, each answer's receipt verified.
    pub async fn notices(&self) -> Result<Vec<v1::Notice>, ClientError> {
        let mut notices = Vec::new();
        let mut page_token = Vec::new();
        for _ in 0..NOTICE_PAGES_MAX {
            let page = self.notices_page(page_token).await?.answer;
            notices.extend(page.notices);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        Ok(notices)
    }

    /// Says that these are dealt with: they are not listed again. Gives how many were there.
    pub async fn acknowledge(&self, notices: &[v1::Notice]) -> Result<u32, ClientError> {
        let mut acknowledged = 0;
        for some in notices.chunks(ACKNOWLEDGED_PER_CALL_MAX) {
            let notice_ids = some.iter().map(|notice| notice.notice_id.clone()).collect();
            let make = |header| v1::AcknowledgeNotices {
                header: Some(header),
                notice_ids,
            };
            let about = v1::PartnerDetail::default();
            let done: Verified<v1::NoticesAcknowledged> =
                self.ask(SealedMethod::AcknowledgeNotices, about, None, make).await?;
            acknowledged += done.answer.acknowledged;
        }
        Ok(acknowledged)
    }
}
