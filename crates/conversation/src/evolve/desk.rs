//! Folding what the platform's own desk did.

use crate::desk::Desk;
use crate::{Living, Owner};
use events::ThreadEvent;

impl Living {
    pub(super) fn take_in_desk(&mut self, event: &ThreadEvent) {
        let (ThreadEvent::DeskTook { tenure, moved, provider, sent_at, at, .. }
        | ThreadEvent::DeskLetGo { tenure, moved, provider, sent_at, at, .. }) = event
        else {
            return;
        };
        let holds = matches!(event, ThreadEvent::DeskTook { .. });
        self.act(*at);
        self.ours.insert(provider, None, (*at).max(*sent_at));
        self.desk = Some(Desk { holds, provider: provider.clone(), sent_at: *sent_at });
        if *moved {
            self.own(if holds { Owner::Desk } else { Owner::Ai }, *tenure, *at);
            if !holds {
                self.inbox.answer_until(self.inbox.end());
            }
        }
    }
}
