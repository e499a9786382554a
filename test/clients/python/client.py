"""Azure's client for Python against the bus. Prints a line for each check: `ok NAME` or `not ok NAME: why`."""

import os
import sys
import uuid
from datetime import datetime, timedelta, timezone

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.core.pipeline.transport import RequestsTransport
from azure.servicebus import (
    NEXT_AVAILABLE_SESSION,
    ServiceBusClient,
    ServiceBusMessage,
    ServiceBusReceiveMode,
    ServiceBusSubQueue,
)
from azure.servicebus.exceptions import MessageLockLostError, SessionCannotBeLockedError
from azure.servicebus.management import (
    CorrelationRuleFilter,
    ServiceBusAdministrationClient,
    SqlRuleAction,
    SqlRuleFilter,
)

WAIT = 5


class PlainHttp(RequestsTransport):
    """The client speaks HTTPS alone; the bus is administered over HTTP."""

    def send(self, request, **kwargs):
        request.url = request.url.replace("https:", "http:", 1)
        return super().send(request, **kwargs)


client = ServiceBusClient.from_connection_string(os.environ["BUS"])
admin = ServiceBusAdministrationClient.from_connection_string(os.environ["BUS_ADMIN"], transport=PlainHttp())
checks = []


def check(function):
    checks.append(function)
    return function


def new_queue(**options):
    name = f"py-{uuid.uuid4()}"
    admin.create_queue(name, **options)
    return name


def send(queue, *messages):
    with client.get_queue_sender(queue) as sender:
        sender.send_messages([m if isinstance(m, ServiceBusMessage) else ServiceBusMessage(m) for m in messages])


def equal(actual, expected):
    if actual != expected:
        raise AssertionError(f"expected {expected!r}, got {actual!r}")


@check
def send_and_receive():
    queue = new_queue()
    sent = ServiceBusMessage(
        "hello",
        message_id="id-1",
        correlation_id="chain",
        subject="Kind",
        to="there",
        reply_to="back",
        content_type="text/plain",
        time_to_live=timedelta(hours=1),
        application_properties={"text": "a", "yes": True, "whole": 7, "half": 0.5},
    )
    with client.get_queue_sender(queue) as sender:
        sender.send_messages(sent)
    with client.get_queue_receiver(queue) as receiver:
        [message] = receiver.receive_messages(max_wait_time=WAIT)
        equal(str(message), "hello")
        equal((message.message_id, message.correlation_id, message.subject), ("id-1", "chain", "Kind"))
        equal((message.to, message.reply_to, message.content_type), ("there", "back", "text/plain"))
        equal(message.time_to_live, timedelta(hours=1))
        properties = {key.decode(): value for key, value in message.application_properties.items()}
        equal(properties, {"text": b"a", "yes": True, "whole": 7, "half": 0.5})
        equal(message.delivery_count, 0)
        receiver.complete_message(message)
        equal(receiver.peek_messages(), [])


@check
def batch():
    queue = new_queue()
    with client.get_queue_sender(queue) as sender:
        made = sender.create_message_batch()
        for number in range(100):
            made.add_message(ServiceBusMessage(str(number)))
        sender.send_messages(made)
    with client.get_queue_receiver(queue, receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE) as receiver:
        received = []
        while len(received) < 100:
            received += receiver.receive_messages(max_message_count=100, max_wait_time=WAIT)
        equal([str(message) for message in received], [str(number) for number in range(100)])


@check
def abandon():
    queue = new_queue()
    send(queue, "x")
    with client.get_queue_receiver(queue) as receiver:
        [message] = receiver.receive_messages(max_wait_time=WAIT)
        receiver.abandon_message(message)
        [message] = receiver.receive_messages(max_wait_time=WAIT)
        equal(message.delivery_count, 1)
        receiver.complete_message(message)


@check
def defer():
    queue = new_queue()
    send(queue, "x")
    with client.get_queue_receiver(queue) as receiver:
        [message] = receiver.receive_messages(max_wait_time=WAIT)
        receiver.defer_message(message)
        [deferred] = receiver.receive_deferred_messages(message.sequence_number)
        equal(str(deferred), "x")
        receiver.complete_message(deferred)
        equal(receiver.peek_messages(), [])


@check
def dead_letter():
    queue = new_queue()
    send(queue, "x")
    with client.get_queue_receiver(queue) as receiver:
        [message] = receiver.receive_messages(max_wait_time=WAIT)
        receiver.dead_letter_message(message, reason="Broken", error_description="it is broken")
    with client.get_queue_receiver(queue, sub_queue=ServiceBusSubQueue.DEAD_LETTER) as receiver:
        [message] = receiver.receive_messages(max_wait_time=WAIT)
        equal((message.dead_letter_reason, message.dead_letter_error_description), ("Broken", "it is broken"))
        receiver.complete_message(message)


@check
def renew_lock():
    queue = new_queue(lock_duration=timedelta(seconds=30))
    send(queue, "x")
    with client.get_queue_receiver(queue) as receiver:
        [message] = receiver.receive_messages(max_wait_time=WAIT)
        until = receiver.renew_message_lock(message)
        left = (until - datetime.now(timezone.utc)).total_seconds()
        equal(20 < left <= 31, True)
        receiver.complete_message(message)


@check
def lock_lost():
    queue = new_queue(lock_duration=timedelta(seconds=5))
    send(queue, "x")
    with client.get_queue_receiver(queue) as first:
        [message] = first.receive_messages(max_wait_time=WAIT)
        with client.get_queue_receiver(queue) as second:
            [again] = second.receive_messages(max_wait_time=2 * WAIT)
            equal(again.delivery_count, 1)
            second.complete_message(again)
        try:
            first.complete_message(message)
        except MessageLockLostError:
            return
        raise AssertionError("expected MessageLockLostError")


@check
def schedule():
    queue = new_queue()
    with client.get_queue_sender(queue) as sender:
        at = datetime.now(timezone.utc) + timedelta(seconds=1)
        sender.schedule_messages(ServiceBusMessage("soon"), at)
        later = datetime.now(timezone.utc) + timedelta(hours=1)
        numbers = sender.schedule_messages([ServiceBusMessage("a"), ServiceBusMessage("b")], later)
        equal(len(numbers), 2)
        sender.cancel_scheduled_messages(numbers)
    with client.get_queue_receiver(queue) as receiver:
        [message] = receiver.receive_messages(max_wait_time=WAIT)
        equal(str(message), "soon")
        receiver.complete_message(message)
        equal(receiver.peek_messages(), [])


@check
def peek():
    queue = new_queue()
    send(queue, "1", "2", "3")
    with client.get_queue_receiver(queue) as receiver:
        first = receiver.peek_messages(max_message_count=2)
        equal([str(message) for message in first], ["1", "2"])
        rest = receiver.peek_messages(max_message_count=10, sequence_number=first[1].sequence_number)
        equal([str(message) for message in rest], ["2", "3"])


@check
def sessions():
    queue = new_queue(requires_session=True)
    send(queue, *[ServiceBusMessage(f"{session}{n}", session_id=session) for n in (1, 2) for session in ("a", "b")])
    with client.get_queue_receiver(queue, session_id="a") as receiver:
        equal(receiver.session.session_id, "a")
        receiver.session.set_state(b"step 1")
        equal(receiver.session.get_state(), b"step 1")
        receiver.session.renew_lock()
        messages = receiver.receive_messages(max_message_count=2, max_wait_time=WAIT)
        equal([str(message) for message in messages], ["a1", "a2"])
        for message in messages:
            receiver.complete_message(message)
        try:
            with client.get_queue_receiver(queue, session_id="a") as other:
                other.receive_messages(max_wait_time=1)
        except SessionCannotBeLockedError:
            pass
        else:
            raise AssertionError("expected SessionCannotBeLockedError")
        receiver.session.set_state(None)
        equal(receiver.session.get_state(), None)


@check
def next_session():
    queue = new_queue(requires_session=True)
    send(queue, ServiceBusMessage("x", session_id="only"))
    with client.get_queue_receiver(queue, session_id=NEXT_AVAILABLE_SESSION, max_wait_time=WAIT) as receiver:
        equal(receiver.session.session_id, "only")
        [message] = receiver.receive_messages(max_wait_time=WAIT)
        receiver.complete_message(message)


@check
def session_list():
    """The client has no method for it; what it calls for the others takes the request as it is."""
    queue = new_queue(requires_session=True)
    send(queue, ServiceBusMessage("x", session_id="a"), ServiceBusMessage("y", session_id="b"))
    with client.get_queue_receiver(queue, session_id="a") as receiver:
        latest = datetime(9999, 12, 31, tzinfo=timezone.utc)
        request = {
            "last-updated-time": {"TYPE": "TIMESTAMP", "VALUE": int(latest.timestamp() * 1000)},
            "skip": {"TYPE": "INT", "VALUE": 0},
            "top": {"TYPE": "INT", "VALUE": 100},
        }
        answer = []

        def keep(status, message, description, amqp_transport=None):
            equal(status, 200)
            answer.append(message.value)

        receiver._mgmt_request_response(b"com.microsoft:get-message-sessions", request, keep)
        equal(sorted(answer[0][b"sessions-ids"]), [b"a", b"b"])


@check
def rules():
    topic = f"py-{uuid.uuid4()}"
    admin.create_topic(topic)
    admin.create_subscription(topic, "s")
    admin.create_rule(topic, "s", "sql", filter=SqlRuleFilter("size > 1"), action=SqlRuleAction("SET size = size * 2"))
    correlation = CorrelationRuleFilter(label="wanted", properties={"text": "a", "whole": 5, "yes": True})
    admin.create_rule(topic, "s", "correlation", filter=correlation)
    admin.delete_rule(topic, "s", "$Default")
    equal(sorted(rule.name for rule in admin.list_rules(topic, "s")), ["correlation", "sql"])
    shown = admin.get_rule(topic, "s", "correlation").filter
    equal((shown.label, shown.properties), ("wanted", {"text": "a", "whole": 5, "yes": True}))
    rule = admin.get_rule(topic, "s", "sql")
    rule.filter = SqlRuleFilter("size > 2")
    admin.update_rule(topic, "s", rule)
    equal(admin.get_rule(topic, "s", "sql").filter.sql_expression, "size > 2")
    with client.get_topic_sender(topic) as sender:
        sender.send_messages([ServiceBusMessage(str(n), application_properties={"size": n}) for n in (2, 3)])
    with client.get_subscription_receiver(topic, "s") as receiver:
        [message] = receiver.receive_messages(max_wait_time=WAIT)
        equal((str(message), message.application_properties[b"size"]), ("3", 6))
        receiver.complete_message(message)


@check
def administration():
    name = f"py-{uuid.uuid4()}"
    made = admin.create_queue(name, lock_duration=timedelta(seconds=30), max_delivery_count=7)
    equal((made.name, made.lock_duration, made.max_delivery_count), (name, timedelta(seconds=30), 7))
    made.max_delivery_count = 3
    admin.update_queue(made)
    equal(admin.get_queue(name).max_delivery_count, 3)
    send(name, "1", "2")
    counts = admin.get_queue_runtime_properties(name)
    equal((counts.active_message_count, counts.total_message_count), (2, 2))
    equal(name in [queue.name for queue in admin.list_queues()], True)
    try:
        admin.create_queue(name)
    except ResourceExistsError:
        pass
    else:
        raise AssertionError("expected ResourceExistsError")
    admin.delete_queue(name)
    try:
        admin.get_queue(name)
    except ResourceNotFoundError:
        pass
    else:
        raise AssertionError("expected ResourceNotFoundError")
    equal(admin.get_namespace_properties().messaging_sku, "Standard")
    topic = f"py-{uuid.uuid4()}"
    admin.create_topic(topic, requires_duplicate_detection=True)
    admin.create_subscription(topic, "s", requires_session=True)
    equal(admin.get_subscription(topic, "s").requires_session, True)
    equal([s.name for s in admin.list_subscriptions(topic)], ["s"])
    equal(admin.get_topic_runtime_properties(topic).subscription_count, 1)
    admin.delete_subscription(topic, "s")
    admin.delete_topic(topic)


failed = False
for run in checks:
    name = run.__name__.replace("_", " ")
    try:
        run()
        print(f"ok {name}", flush=True)
    except Exception as error:  # a check may fail in any way
        failed = True
        why = " ".join(str(error).split()) or type(error).__name__
        print(f"not ok {name}: {type(error).__name__}: {why}", flush=True)
client.close()
sys.exit(1 if failed else 0)
