import com.azure.core.http.policy.ExponentialBackoffOptions;
import com.azure.core.http.policy.RetryOptions;
import com.azure.core.util.BinaryData;
import com.azure.core.util.IterableStream;
import com.azure.messaging.servicebus.ServiceBusClientBuilder;
import com.azure.messaging.servicebus.ServiceBusException;
import com.azure.messaging.servicebus.ServiceBusFailureReason;
import com.azure.messaging.servicebus.ServiceBusMessage;
import com.azure.messaging.servicebus.ServiceBusReceivedMessage;
import com.azure.messaging.servicebus.ServiceBusReceiverClient;
import com.azure.messaging.servicebus.ServiceBusSenderClient;
import com.azure.messaging.servicebus.administration.ServiceBusAdministrationClient;
import com.azure.messaging.servicebus.administration.ServiceBusAdministrationClientBuilder;
import com.azure.messaging.servicebus.administration.models.CorrelationRuleFilter;
import com.azure.messaging.servicebus.administration.models.CreateQueueOptions;
import com.azure.messaging.servicebus.administration.models.CreateRuleOptions;
import com.azure.messaging.servicebus.administration.models.CreateSubscriptionOptions;
import com.azure.messaging.servicebus.administration.models.SqlRuleAction;
import com.azure.messaging.servicebus.administration.models.SqlRuleFilter;
import com.azure.messaging.servicebus.models.AbandonOptions;
import com.azure.messaging.servicebus.models.DeadLetterOptions;
import com.azure.messaging.servicebus.models.ServiceBusReceiveMode;
import com.azure.messaging.servicebus.models.SubQueue;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.stream.IntStream;

/** Azure's client for Java against the bus. Prints a line for each check: {@code ok NAME} or {@code not ok NAME: why}. */
final class Client {
    private static final Duration WAIT = Duration.ofSeconds(5);

    private static final ServiceBusClientBuilder BUS =
        new ServiceBusClientBuilder().connectionString(System.getenv("BUS"));

    /** The client speaks HTTPS to port 443, whatever the connection string says. */
    private static final ServiceBusAdministrationClient ADMIN = new ServiceBusAdministrationClientBuilder()
        .connectionString(System.getenv("BUS_ADMIN"))
        .retryOptions(new RetryOptions(new ExponentialBackoffOptions().setMaxRetries(0)))
        .addPolicy((context, next) -> {
            var request = context.getHttpRequest();
            request.setUrl(request.getUrl().toString().replaceFirst("^https?://[^/]*", System.getenv("BUS_ADMIN_URL")));
            return next.process();
        })
        .buildClient();

    private interface Check {
        void run() throws Exception;
    }

    public static void main(String[] arguments) {
        var checks = new LinkedHashMap<String, Check>();
        checks.put("send and receive", Client::sendAndReceive);
        checks.put("batch", Client::batch);
        checks.put("abandon", Client::abandon);
        checks.put("defer", Client::defer);
        checks.put("dead letter", Client::deadLetter);
        checks.put("renew lock", Client::renewLock);
        checks.put("lock lost", Client::lockLost);
        checks.put("schedule", Client::schedule);
        checks.put("peek", Client::peek);
        checks.put("sessions", Client::sessions);
        checks.put("next session", Client::nextSession);
        checks.put("rules", Client::rules);
        checks.put("administration", Client::administration);
        var failed = false;
        for (var check : checks.entrySet()) {
            try {
                check.getValue().run();
                System.out.println("ok " + check.getKey());
            } catch (Exception | AssertionError error) {
                failed = true;
                System.out.println("not ok " + check.getKey() + ": " + error.toString().replaceAll("\\s+", " "));
            }
        }
        System.exit(failed ? 1 : 0);
    }

    // ---------------------------------------------------------------- what the checks share

    private static void equal(Object actual, Object expected) {
        if (!Objects.equals(actual, expected)) {
            throw new AssertionError("expected " + expected + ", got " + actual);
        }
    }

    private static String newQueue() {
        return newQueue(new CreateQueueOptions());
    }

    private static String newQueue(CreateQueueOptions options) {
        var name = "java-" + UUID.randomUUID();
        ADMIN.createQueue(name, options);
        return name;
    }

    private static void send(String queue, ServiceBusMessage... messages) {
        try (var sender = BUS.sender().queueName(queue).buildClient()) {
            sender.sendMessages(Arrays.asList(messages));
        }
    }

    private static ServiceBusMessage text(String body) {
        return new ServiceBusMessage(BinaryData.fromString(body));
    }

    private static ServiceBusReceiverClient receiver(String queue) {
        return BUS.receiver().queueName(queue).disableAutoComplete().maxAutoLockRenewDuration(Duration.ZERO).buildClient();
    }

    private static List<ServiceBusReceivedMessage> receive(ServiceBusReceiverClient receiver, int count) {
        return receiver.receiveMessages(count, WAIT).stream().toList();
    }

    private static ServiceBusReceivedMessage one(ServiceBusReceiverClient receiver) {
        var messages = receive(receiver, 1);
        equal(messages.size(), 1);
        return messages.get(0);
    }

    private static List<String> bodies(Iterable<ServiceBusReceivedMessage> messages) {
        var found = new ArrayList<String>();
        messages.forEach(message -> found.add(message.getBody().toString()));
        return found;
    }

    private static List<String> bodies(IterableStream<ServiceBusReceivedMessage> messages) {
        return bodies(messages.stream().toList());
    }

    private static void expectReason(Runnable run, ServiceBusFailureReason reason) {
        try {
            run.run();
        } catch (ServiceBusException error) {
            equal(error.getReason(), reason);
            return;
        }
        throw new AssertionError("expected " + reason);
    }

    // ---------------------------------------------------------------- checks

    private static void sendAndReceive() {
        var queue = newQueue();
        var sent = text("hello").setMessageId("id-1").setCorrelationId("chain").setSubject("Kind").setTo("there")
            .setReplyTo("back").setContentType("text/plain").setTimeToLive(Duration.ofHours(1));
        sent.getApplicationProperties().putAll(Map.of("text", "a", "yes", true, "whole", 1L << 40, "half", 0.5));
        try (var sender = BUS.sender().queueName(queue).buildClient()) {
            sender.sendMessage(sent);
        }
        try (var receiver = receiver(queue)) {
            var message = one(receiver);
            equal(message.getBody().toString(), "hello");
            equal(List.of(message.getMessageId(), message.getCorrelationId(), message.getSubject()),
                List.of("id-1", "chain", "Kind"));
            equal(List.of(message.getTo(), message.getReplyTo(), message.getContentType()),
                List.of("there", "back", "text/plain"));
            equal(message.getTimeToLive(), Duration.ofHours(1));
            equal(message.getApplicationProperties(),
                Map.of("text", "a", "yes", true, "whole", 1L << 40, "half", 0.5));
            receiver.complete(message);
            equal(receiver.peekMessage(), null);
        }
    }

    private static void batch() {
        var queue = newQueue();
        var expected = IntStream.range(0, 100).mapToObj(String::valueOf).toList();
        try (ServiceBusSenderClient sender = BUS.sender().queueName(queue).buildClient()) {
            var batch = sender.createMessageBatch();
            expected.forEach(body -> equal(batch.tryAddMessage(text(body)), true));
            sender.sendMessages(batch);
        }
        var mode = ServiceBusReceiveMode.RECEIVE_AND_DELETE;
        try (var receiver = BUS.receiver().queueName(queue).receiveMode(mode).buildClient()) {
            var received = new ArrayList<String>();
            while (received.size() < 100) {
                received.addAll(bodies(receive(receiver, 100 - received.size())));
            }
            equal(received, expected);
        }
    }

    private static void abandon() {
        var queue = newQueue();
        send(queue, text("x"));
        try (var receiver = receiver(queue)) {
            var message = one(receiver);
            receiver.abandon(message, new AbandonOptions().setPropertiesToModify(Map.of("note", "tried")));
            var again = one(receiver);
            equal(again.getDeliveryCount(), message.getDeliveryCount() + 1);
            equal(again.getApplicationProperties().get("note"), "tried");
            receiver.complete(again);
        }
    }

    private static void defer() {
        var queue = newQueue();
        send(queue, text("x"));
        try (var receiver = receiver(queue)) {
            var message = one(receiver);
            receiver.defer(message);
            var deferred = receiver.receiveDeferredMessage(message.getSequenceNumber());
            equal(deferred.getBody().toString(), "x");
            receiver.complete(deferred);
            equal(receiver.peekMessage(), null);
        }
    }

    private static void deadLetter() {
        var queue = newQueue();
        send(queue, text("x"));
        var why = new DeadLetterOptions().setDeadLetterReason("Broken").setDeadLetterErrorDescription("it is broken");
        try (var receiver = receiver(queue)) {
            receiver.deadLetter(one(receiver), why);
        }
        try (var dead = BUS.receiver().queueName(queue).subQueue(SubQueue.DEAD_LETTER_QUEUE).disableAutoComplete()
            .buildClient()) {
            var message = one(dead);
            equal(List.of(message.getDeadLetterReason(), message.getDeadLetterErrorDescription()),
                List.of("Broken", "it is broken"));
            dead.complete(message);
        }
    }

    private static void renewLock() {
        var queue = newQueue(new CreateQueueOptions().setLockDuration(Duration.ofSeconds(30)));
        send(queue, text("x"));
        try (var receiver = receiver(queue)) {
            var message = one(receiver);
            var until = receiver.renewMessageLock(message);
            equal(until.isAfter(OffsetDateTime.now().plusSeconds(20)), true);
            receiver.complete(message);
        }
    }

    private static void lockLost() {
        var queue = newQueue(new CreateQueueOptions().setLockDuration(Duration.ofSeconds(5)));
        send(queue, text("x"));
        try (var first = receiver(queue); var second = receiver(queue)) {
            var message = one(first);
            var again = second.receiveMessages(1, WAIT.multipliedBy(2)).stream().toList();
            equal(bodies(again), List.of("x"));
            second.complete(again.get(0));
            expectReason(() -> first.complete(message), ServiceBusFailureReason.MESSAGE_LOCK_LOST);
        }
    }

    private static void schedule() {
        var queue = newQueue();
        try (var sender = BUS.sender().queueName(queue).buildClient()) {
            sender.scheduleMessage(text("soon"), OffsetDateTime.now().plusSeconds(1));
            var later = OffsetDateTime.now().plusHours(1);
            var numbers = new ArrayList<Long>();
            sender.scheduleMessages(List.of(text("a"), text("b")), later).forEach(numbers::add);
            equal(numbers.size(), 2);
            sender.cancelScheduledMessages(numbers);
        }
        try (var receiver = receiver(queue)) {
            var message = one(receiver);
            equal(message.getBody().toString(), "soon");
            receiver.complete(message);
            equal(receiver.peekMessage(), null);
        }
    }

    private static void peek() {
        var queue = newQueue();
        send(queue, text("1"), text("2"), text("3"));
        try (var receiver = receiver(queue)) {
            var first = receiver.peekMessages(2).stream().toList();
            equal(bodies(first), List.of("1", "2"));
            equal(bodies(receiver.peekMessages(10, first.get(1).getSequenceNumber())), List.of("2", "3"));
        }
    }

    private static void sessions() {
        var queue = newQueue(new CreateQueueOptions().setSessionRequired(true));
        send(queue, text("a1").setSessionId("a"), text("b1").setSessionId("b"), text("a2").setSessionId("a"));
        try (var sessions = BUS.sessionReceiver().queueName(queue).disableAutoComplete().buildClient();
            var session = sessions.acceptSession("a")) {
            equal(session.getSessionId(), "a");
            session.setSessionState("step 1".getBytes());
            equal(new String(session.getSessionState()), "step 1");
            equal(session.renewSessionLock().isAfter(OffsetDateTime.now()), true);
            var messages = receive(session, 2);
            equal(bodies(messages), List.of("a1", "a2"));
            messages.forEach(session::complete);
            session.setSessionState(null);
            equal(session.getSessionState(), null);
        }
    }

    private static void nextSession() {
        var queue = newQueue(new CreateQueueOptions().setSessionRequired(true));
        send(queue, text("x").setSessionId("only"));
        try (var sessions = BUS.sessionReceiver().queueName(queue).disableAutoComplete().buildClient();
            var session = sessions.acceptNextSession()) {
            equal(session.getSessionId(), "only");
            session.complete(one(session));
        }
    }

    private static void rules() {
        var topic = "java-" + UUID.randomUUID();
        ADMIN.createTopic(topic);
        ADMIN.createSubscription(topic, "s");
        var sql = new CreateRuleOptions(new SqlRuleFilter("size > 1")).setAction(new SqlRuleAction("SET size = size * 2"));
        var correlation = new CorrelationRuleFilter().setLabel("wanted");
        correlation.getProperties().putAll(Map.of("text", "a", "whole", 5, "yes", true));
        // One over AMQP, one over HTTP.
        try (var manager = BUS.ruleManager().topicName(topic).subscriptionName("s").buildClient()) {
            manager.createRule("sql", sql);
            manager.deleteRule("$Default");
            ADMIN.createRule(topic, "correlation", "s", new CreateRuleOptions(correlation));
            equal(manager.listRules().stream().map(rule -> rule.getName()).sorted().toList(),
                List.of("correlation", "sql"));
        }
        var shown = (CorrelationRuleFilter) ADMIN.getRule(topic, "s", "correlation").getFilter();
        equal(shown.getLabel(), "wanted");
        // This client reads every value as text.
        equal(shown.getProperties(), Map.of("text", "a", "whole", "5", "yes", "true"));
        ADMIN.updateRule(topic, "s", ADMIN.getRule(topic, "s", "sql").setFilter(new SqlRuleFilter("size > 2")));
        try (var sender = BUS.sender().topicName(topic).buildClient()) {
            for (var size = 2; size <= 3; size++) {
                var message = text(String.valueOf(size));
                message.getApplicationProperties().put("size", size);
                sender.sendMessage(message);
            }
        }
        try (var receiver = BUS.receiver().topicName(topic).subscriptionName("s").disableAutoComplete().buildClient()) {
            var message = one(receiver);
            equal(message.getBody().toString(), "3");
            equal(String.valueOf(message.getApplicationProperties().get("size")), "6");
            receiver.complete(message);
        }
    }

    private static void administration() {
        var queue = newQueue(new CreateQueueOptions().setLockDuration(Duration.ofSeconds(30)).setMaxDeliveryCount(7));
        var shown = ADMIN.getQueue(queue);
        equal(List.of(shown.getLockDuration(), shown.getMaxDeliveryCount()), List.of(Duration.ofSeconds(30), 7));
        equal(ADMIN.updateQueue(shown.setMaxDeliveryCount(3)).getMaxDeliveryCount(), 3);
        send(queue, text("1"), text("2"));
        var counts = ADMIN.getQueueRuntimeProperties(queue);
        equal(List.of(counts.getActiveMessageCount(), counts.getTotalMessageCount()), List.of(2, 2L));
        equal(ADMIN.listQueues().stream().anyMatch(listed -> listed.getName().equals(queue)), true);
        try {
            ADMIN.createQueue(queue);
            throw new AssertionError("expected a second queue of one name to be refused");
        } catch (com.azure.core.exception.ResourceExistsException expected) {
            equal(ADMIN.getQueueExists(queue), true);
        }
        ADMIN.deleteQueue(queue);
        equal(ADMIN.getQueueExists(queue), false);
        equal(ADMIN.getNamespaceProperties().getMessagingSku().toString(), "Standard");
        var topic = "java-" + UUID.randomUUID();
        ADMIN.createTopic(topic);
        ADMIN.createSubscription(topic, "s", new CreateSubscriptionOptions().setSessionRequired(true));
        equal(ADMIN.getSubscription(topic, "s").isSessionRequired(), true);
        equal(ADMIN.getTopicRuntimeProperties(topic).getSubscriptionCount(), 1);
        ADMIN.deleteSubscription(topic, "s");
        ADMIN.deleteTopic(topic);
    }
}
