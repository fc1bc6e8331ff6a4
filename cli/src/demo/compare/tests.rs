//! Each way of being wrong is seen.

use super::super::cast::Channel;
use super::super::streams::{Answer, Author, Fate, Handover};
use super::world::{sees, world};
use super::{Check, Evidence, Places, agreement};

#[test]
fn a_lost_message_is_seen_on_each_channel() {
    for channel in Channel::ALL {
        sees(Check::Accepted, |world| {
            world.thread(channel).taken.remove(1);
        });
    }
}

#[test]
fn a_message_that_was_never_accepted_need_not_be_there() {
    let mut world = world();
    let customer = world.customer(Channel::Http);
    let mut unheard = customer.wrote[0].clone();
    (unheard.provider, unheard.acknowledged) = ("999".into(), None);
    customer.wrote.push(unheard);
    assert_eq!(world.differences(), []);
}

#[test]
fn a_doubled_message_is_seen_in_the_same_thread_and_in_another() {
    sees(Check::Accepted, |world| {
        let again = world.thread(Channel::Wechat).taken[0].clone();
        world.thread(Channel::Wechat).taken.push(again);
    });
    sees(Check::Accepted, |world| {
        let mut other = world.thread(Channel::Widget).clone();
        other.answers.clear();
        other.taken.truncate(1);
        world.streams.threads.insert("thread-other".into(), other);
    });
}

#[test]
fn a_message_that_nobody_wrote_is_seen() {
    sees(Check::Accepted, |world| {
        let mut invented = world.thread(Channel::Widget).taken[0].clone();
        invented.provider = "widget:invented".into();
        world.thread(Channel::Widget).taken.push(invented);
    });
}

#[test]
fn a_message_on_an_account_that_is_not_played_on_is_nobodys_concern() {
    let mut world = world();
    world.streams.accounts.insert("other".into(), "shop".into());
    let mut thread = world.thread(Channel::Widget).clone();
    thread.account = "other".into();
    thread.taken.iter_mut().for_each(|taken| taken.provider.push_str("-other"));
    world.streams.threads.insert("thread-other".into(), thread);
    assert_eq!(world.differences(), []);
}

#[test]
fn two_messages_in_the_wrong_order_are_seen() {
    sees(Check::Accepted, |world| world.thread(Channel::Http).taken.swap(0, 1));
}

#[test]
fn messages_that_were_on_their_way_together_may_be_stored_in_any_order_and_are_shown_in_theirs() {
    let mut world = world();
    for line in &mut world.customer(Channel::Http).wrote {
        (line.departed, line.acknowledged) = (0, Some(50));
    }
    world.thread(Channel::Http).taken.swap(0, 1);
    assert_eq!(world.differences(), []);
    world.shown(Channel::Http).swap(0, 2);
    assert_eq!(world.differences()[0].check, Check::Texts);
}

#[test]
fn a_silent_visitor_who_is_missing_is_seen() {
    sees(Check::Accepted, |world| {
        world.streams.threads.remove("thread-silent");
    });
}

#[test]
fn an_answer_that_did_not_arrive_is_seen_on_each_channel() {
    for channel in Channel::ALL {
        sees(Check::Sent, |world| {
            world.customer(channel).reached.remove(1);
        });
    }
}

#[test]
fn an_answer_that_arrived_twice_is_seen_on_each_channel() {
    for channel in Channel::ALL {
        sees(Check::Sent, |world| {
            let again = world.customer(channel).reached[0].clone();
            world.customer(channel).reached.push(again);
        });
    }
}

#[test]
fn a_repeated_call_with_the_same_id_is_no_second_message() {
    let mut world = world();
    let mut again = world.customer(Channel::Http).reached[0].clone();
    again.repeated = true;
    world.customer(Channel::Http).reached.push(again);
    assert_eq!(world.differences(), []);
}

#[test]
fn answers_in_the_wrong_order_are_seen() {
    for channel in Channel::ALL {
        sees(Check::Sent, |world| world.customer(channel).reached.swap(0, 1));
    }
}

#[test]
fn an_answer_that_arrived_without_the_logs_word_is_seen() {
    for channel in Channel::ALL {
        sees(Check::Sent, |world| {
            world.thread(channel).answers.remove(2);
        });
    }
}

#[test]
fn an_answer_that_is_still_on_its_way_or_failed_is_seen() {
    for fate in
        [Fate::Waiting, Fate::Started, Fate::Unknown { last: false }, Fate::Failed("permanent".into())]
    {
        sees(Check::Sent, |world| world.thread(Channel::Http).answers[2].fate = fate);
    }
}

#[test]
fn an_unknown_outcome_stands_only_where_an_answer_was_lost_and_no_proof_is_to_be_had() {
    let unknown = || Fate::Unknown { last: true };
    sees(Check::Sent, |world| world.thread(Channel::Wechat).answers[0].fate = unknown());
    sees(Check::Sent, |world| {
        world.customer(Channel::Http).lost_answers = 1;
        world.thread(Channel::Http).answers[0].fate = unknown();
    });
    for arrived in [true, false] {
        let mut world = world();
        world.customer(Channel::Wechat).lost_answers = 1;
        world.thread(Channel::Wechat).answers[0].fate = unknown();
        if !arrived {
            world.customer(Channel::Wechat).reached.remove(0);
        }
        assert_eq!(world.differences(), []);
    }
}

#[test]
fn a_killed_suite_leaves_no_more_unknown_than_was_on_its_way() {
    let mut world = world();
    world.thread(Channel::Wechat).answers[0].fate = Fate::Unknown { last: true };
    world.spare = 1;
    assert_eq!(world.differences(), []);
    world.thread(Channel::Wechat).answers[1].fate = Fate::Unknown { last: true };
    assert_eq!(world.differences()[0].check, Check::Sent);
}

#[test]
fn a_withdrawn_answer_that_arrived_is_seen() {
    for channel in Channel::ALL {
        sees(Check::Sent, |world| world.thread(channel).answers[1].fate = Fate::Withdrawn("tenure".into()));
    }
}

#[test]
fn a_long_answer_may_arrive_in_parts() {
    let mut world = world();
    for channel in [Channel::Wechat, Channel::Http] {
        let first = world.customer(channel).reached[0].clone();
        let part = |text: &str, more: &str| {
            let mut part = first.clone();
            part.text = text.into();
            part.id = part.id.map(|id| id + more);
            part
        };
        world.customer(channel).reached.splice(..1, [part("答", ""), part(" 0", "-1")]);
    }
    assert_eq!(world.differences(), []);
}

#[test]
fn a_changed_text_is_seen_on_either_side() {
    for channel in Channel::ALL {
        sees(Check::Texts, |world| world.shown(channel)[0].text = "别的".into());
    }
    sees(Check::Texts, |world| world.shown(Channel::Http)[1].text = "别的".into());
    sees(Check::Sent, |world| world.shown(Channel::Wechat)[1].text = "别的".into());
}

#[test]
fn a_text_or_conversation_that_is_not_shown_is_seen() {
    sees(Check::Texts, |world| {
        world.shown(Channel::Widget).remove(2);
    });
    sees(Check::Texts, |world| world.rest.listed.clear());
}

#[test]
fn a_swallowed_lead_is_seen_in_the_feed_and_at_the_consumer() {
    sees(Check::Leads, |world| {
        world.streams.leads.pop();
    });
    sees(Check::Leads, |world| {
        world.consumer.pop();
    });
}

#[test]
fn a_doubled_or_invented_lead_is_seen() {
    sees(Check::Leads, |world| {
        let again = world.streams.leads[0].clone();
        world.streams.leads.push(again);
    });
    sees(Check::Leads, |world| world.streams.leads[0].details.push(("qq".into(), "10000".into())));
    sees(Check::Leads, |world| {
        let mut second = world.streams.leads[0].clone();
        second.lead.push('2');
        second.details.clear();
        world.streams.leads.push(second);
    });
}

#[test]
fn a_lead_that_joins_another_tells_no_detail_again() {
    let mut world = world();
    let mut joined = world.streams.leads[0].clone();
    joined.kind = "lead.joined".into();
    world.streams.leads.push(joined);
    assert_eq!(world.differences(), []);
}

#[test]
fn a_changed_figure_is_seen() {
    sees(Check::Figures, |world| world.rest.figures.conversations += 1);
    sees(Check::Figures, |world| world.rest.figures.opened -= 1);
    sees(Check::Figures, |world| world.rest.figures.leads += 1);
    sees(Check::Figures, |world| world.rest.figures.leads_rate = Some(0.8));
    sees(Check::Figures, |world| world.rest.figures.leads_rate = None);
    sees(Check::Figures, |world| world.rest.figures.denominator = "opened".into());
}

#[test]
fn too_few_answers_and_too_many_handovers_are_seen() {
    sees(Check::Answers, |world| {
        for channel in Channel::ALL {
            world.thread(channel).answers.iter_mut().skip(1).for_each(|answer| answer.cites.clear());
        }
    });
    sees(Check::Answers, |world| {
        for channel in Channel::ALL {
            hand_over(&mut world.thread(channel).answers, 2);
            let (after, reason) = (Some(format!("{}-m2", channel.name())), "unknown".into());
            world.thread(channel).handovers.push(Handover { after, reason });
        }
    });
}

/// The notice takes the answer's place.
fn hand_over(answers: &mut [Answer], number: usize) {
    answers[number].by = Author::System;
    answers[number].cites.clear();
}

#[test]
fn agreement_counts_each_kind_of_turn_once() {
    let mut world = world();
    hand_over(&mut world.thread(Channel::Http).answers, 1);
    let (after, reason) = (Some("http-m1".to_owned()), "anger".into());
    world.thread(Channel::Http).handovers.push(Handover { after, reason });
    world.thread(Channel::Http).answers.truncate(2);
    let evidence = Evidence {
        book: &world.book,
        streams: &world.streams,
        rest: &world.rest,
        consumer: None,
        accounts: &["demo".to_owned()],
        unknown_spare: 0,
    };
    let found = agreement(&evidence, &Places::of(&world.book, &world.streams));
    assert_eq!((found.questions, found.answered, found.after_wrong_handover), (9, 7, 1));
    assert_eq!((found.own, found.wrong_handovers), (8, 1));
    assert_eq!(found.wrong, ["d turn 2 (anger)"]);
}
