// Azure's client for Go against the bus. Prints a line for each check: `ok NAME` or `not ok NAME: why`.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"sort"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	bus "github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus/admin"
)

const wait = 10 * time.Second

var (
	client    *bus.Client
	manager   *admin.Client
	lastQueue int
)

// plainHTTP sends requests without TLS: the client speaks HTTPS alone.
type plainHTTP struct{}

func (plainHTTP) Do(request *http.Request) (*http.Response, error) {
	request.URL.Scheme = "http"
	return http.DefaultClient.Do(request)
}

// failure ends a check; `run` alone recovers from it.
type failure struct{ error }

func must(err error) {
	if err != nil {
		panic(failure{err})
	}
}

func get[T any](value T, err error) T {
	must(err)
	return value
}

func equal(actual, expected any) {
	if !reflect.DeepEqual(actual, expected) {
		panic(failure{fmt.Errorf("expected %#v, got %#v", expected, actual)})
	}
}

func soon() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	time.AfterFunc(wait, cancel)
	return ctx
}

func name(kind string) string {
	lastQueue++
	return fmt.Sprintf("go-%s-%d-%d", kind, os.Getpid(), lastQueue)
}

func newQueue(properties *admin.QueueProperties) string {
	queue := name("queue")
	get(manager.CreateQueue(soon(), queue, &admin.CreateQueueOptions{Properties: properties}))
	return queue
}

func send(entity string, messages ...*bus.Message) {
	sender := get(client.NewSender(entity, nil))
	defer sender.Close(soon())
	batch := get(sender.NewMessageBatch(soon(), nil))
	for _, message := range messages {
		must(batch.AddMessage(message, nil))
	}
	must(sender.SendMessageBatch(soon(), batch, nil))
}

func text(bodies ...string) []*bus.Message {
	messages := make([]*bus.Message, 0, len(bodies))
	for _, body := range bodies {
		messages = append(messages, &bus.Message{Body: []byte(body)})
	}
	return messages
}

func bodies(messages []*bus.ReceivedMessage) []string {
	found := make([]string, 0, len(messages))
	for _, message := range messages {
		found = append(found, string(message.Body))
	}
	return found
}

type receiver interface {
	ReceiveMessages(ctx context.Context, count int, options *bus.ReceiveMessagesOptions) ([]*bus.ReceivedMessage, error)
}

func one(from receiver) *bus.ReceivedMessage {
	messages := get(from.ReceiveMessages(soon(), 1, nil))
	equal(len(messages), 1)
	return messages[0]
}

func expectCode(err error, code bus.Code) {
	var known *bus.Error
	if !errors.As(err, &known) || known.Code != code {
		panic(failure{fmt.Errorf("expected the code %s, got %v", code, err)})
	}
}

func sendAndReceive() {
	queue := newQueue(nil)
	sender := get(client.NewSender(queue, nil))
	defer sender.Close(soon())
	must(sender.SendMessage(soon(), &bus.Message{
		Body:                  []byte("hello"),
		MessageID:             to.Ptr("id-1"),
		CorrelationID:         to.Ptr("chain"),
		Subject:               to.Ptr("Kind"),
		To:                    to.Ptr("there"),
		ReplyTo:               to.Ptr("back"),
		ContentType:           to.Ptr("text/plain"),
		TimeToLive:            to.Ptr(time.Hour),
		ApplicationProperties: map[string]any{"text": "a", "yes": true, "whole": int64(1) << 40, "half": 0.5},
	}, nil))
	receiver := get(client.NewReceiverForQueue(queue, nil))
	defer receiver.Close(soon())
	message := one(receiver)
	equal(string(message.Body), "hello")
	equal([]string{message.MessageID, *message.CorrelationID, *message.Subject}, []string{"id-1", "chain", "Kind"})
	equal([]string{*message.To, *message.ReplyTo, *message.ContentType}, []string{"there", "back", "text/plain"})
	equal(*message.TimeToLive, time.Hour)
	equal(message.ApplicationProperties, map[string]any{"text": "a", "yes": true, "whole": int64(1) << 40, "half": 0.5})
	must(receiver.CompleteMessage(soon(), message, nil))
	equal(len(get(receiver.PeekMessages(soon(), 1, nil))), 0)
}

func batch() {
	queue := newQueue(nil)
	var expected []string
	for number := range 100 {
		expected = append(expected, fmt.Sprint(number))
	}
	send(queue, text(expected...)...)
	receiver := get(client.NewReceiverForQueue(queue, &bus.ReceiverOptions{ReceiveMode: bus.ReceiveModeReceiveAndDelete}))
	defer receiver.Close(soon())
	var received []string
	for len(received) < 100 {
		received = append(received, bodies(get(receiver.ReceiveMessages(soon(), 100, nil)))...)
	}
	equal(received, expected)
}

func abandon() {
	queue := newQueue(nil)
	send(queue, text("x")...)
	receiver := get(client.NewReceiverForQueue(queue, nil))
	defer receiver.Close(soon())
	message := one(receiver)
	must(receiver.AbandonMessage(soon(), message, &bus.AbandonMessageOptions{
		PropertiesToModify: map[string]any{"note": "tried"},
	}))
	again := one(receiver)
	equal(again.DeliveryCount, message.DeliveryCount+1)
	equal(again.ApplicationProperties["note"], "tried")
	must(receiver.CompleteMessage(soon(), again, nil))
}

func deferred() {
	queue := newQueue(nil)
	send(queue, text("x")...)
	receiver := get(client.NewReceiverForQueue(queue, nil))
	defer receiver.Close(soon())
	message := one(receiver)
	must(receiver.DeferMessage(soon(), message, nil))
	found := get(receiver.ReceiveDeferredMessages(soon(), []int64{*message.SequenceNumber}, nil))
	equal(bodies(found), []string{"x"})
	must(receiver.CompleteMessage(soon(), found[0], nil))
	equal(len(get(receiver.PeekMessages(soon(), 1, nil))), 0)
}

func deadLetter() {
	queue := newQueue(nil)
	send(queue, text("x")...)
	receiver := get(client.NewReceiverForQueue(queue, nil))
	defer receiver.Close(soon())
	must(receiver.DeadLetterMessage(soon(), one(receiver), &bus.DeadLetterOptions{
		Reason:           to.Ptr("Broken"),
		ErrorDescription: to.Ptr("it is broken"),
	}))
	dead := get(client.NewReceiverForQueue(queue, &bus.ReceiverOptions{SubQueue: bus.SubQueueDeadLetter}))
	defer dead.Close(soon())
	message := one(dead)
	equal([]string{*message.DeadLetterReason, *message.DeadLetterErrorDescription}, []string{"Broken", "it is broken"})
	must(dead.CompleteMessage(soon(), message, nil))
}

func renewLock() {
	queue := newQueue(&admin.QueueProperties{LockDuration: to.Ptr("PT30S")})
	send(queue, text("x")...)
	receiver := get(client.NewReceiverForQueue(queue, nil))
	defer receiver.Close(soon())
	message := one(receiver)
	must(receiver.RenewMessageLock(soon(), message, nil))
	equal(time.Until(*message.LockedUntil) > 20*time.Second, true)
	must(receiver.CompleteMessage(soon(), message, nil))
}

func lockLost() {
	queue := newQueue(&admin.QueueProperties{LockDuration: to.Ptr("PT5S")})
	send(queue, text("x")...)
	first := get(client.NewReceiverForQueue(queue, nil))
	defer first.Close(soon())
	message := one(first)
	second := get(client.NewReceiverForQueue(queue, nil))
	defer second.Close(soon())
	must(second.CompleteMessage(soon(), one(second), nil))
	expectCode(first.CompleteMessage(soon(), message, nil), bus.CodeLockLost)
}

func schedule() {
	queue := newQueue(nil)
	sender := get(client.NewSender(queue, nil))
	defer sender.Close(soon())
	get(sender.ScheduleMessages(soon(), text("soon"), time.Now().Add(time.Second), nil))
	numbers := get(sender.ScheduleMessages(soon(), text("a", "b"), time.Now().Add(time.Hour), nil))
	equal(len(numbers), 2)
	must(sender.CancelScheduledMessages(soon(), numbers, nil))
	receiver := get(client.NewReceiverForQueue(queue, nil))
	defer receiver.Close(soon())
	message := one(receiver)
	equal(string(message.Body), "soon")
	must(receiver.CompleteMessage(soon(), message, nil))
	equal(len(get(receiver.PeekMessages(soon(), 1, nil))), 0)
}

func peek() {
	queue := newQueue(nil)
	send(queue, text("1", "2", "3")...)
	receiver := get(client.NewReceiverForQueue(queue, nil))
	defer receiver.Close(soon())
	first := get(receiver.PeekMessages(soon(), 2, nil))
	equal(bodies(first), []string{"1", "2"})
	options := &bus.PeekMessagesOptions{FromSequenceNumber: first[1].SequenceNumber}
	equal(bodies(get(receiver.PeekMessages(soon(), 10, options))), []string{"2", "3"})
}

func inSession(session string, contents ...string) []*bus.Message {
	messages := text(contents...)
	for _, message := range messages {
		message.SessionID = to.Ptr(session)
	}
	return messages
}

func sessions() {
	queue := newQueue(&admin.QueueProperties{RequiresSession: to.Ptr(true)})
	send(queue, append(inSession("a", "a1", "a2"), inSession("b", "b1")...)...)
	session := get(client.AcceptSessionForQueue(soon(), queue, "a", nil))
	defer session.Close(soon())
	equal(session.SessionID(), "a")
	must(session.SetSessionState(soon(), []byte("step 1"), nil))
	equal(string(get(session.GetSessionState(soon(), nil))), "step 1")
	must(session.RenewSessionLock(soon(), nil))
	messages := get(session.ReceiveMessages(soon(), 2, nil))
	equal(bodies(messages), []string{"a1", "a2"})
	for _, message := range messages {
		must(session.CompleteMessage(soon(), message, nil))
	}
	must(session.SetSessionState(soon(), nil, nil))
	equal(len(get(session.GetSessionState(soon(), nil))), 0)
}

func nextSession() {
	queue := newQueue(&admin.QueueProperties{RequiresSession: to.Ptr(true)})
	send(queue, inSession("only", "x")...)
	session := get(client.AcceptNextSessionForQueue(soon(), queue, nil))
	defer session.Close(soon())
	equal(session.SessionID(), "only")
	must(session.CompleteMessage(soon(), one(session), nil))
}

func sessionList() {
	queue := newQueue(&admin.QueueProperties{RequiresSession: to.Ptr(true)})
	send(queue, append(inSession("a", "1"), inSession("b", "2")...)...)
	var found []string
	for pager := client.NewListSessionsForQueuePager(queue, nil); pager.More(); {
		found = append(found, get(pager.NextPage(soon())).Sessions...)
	}
	sort.Strings(found)
	equal(found, []string{"a", "b"})
}

func rules() {
	topic := name("topic")
	get(manager.CreateTopic(soon(), topic, nil))
	get(manager.CreateSubscription(soon(), topic, "s", nil))
	get(manager.CreateRule(soon(), topic, "s", &admin.CreateRuleOptions{
		Name:   to.Ptr("sql"),
		Filter: &admin.SQLFilter{Expression: "size > 1"},
		Action: &admin.SQLAction{Expression: "SET size = size * 2"},
	}))
	properties := map[string]any{"text": "a", "whole": int64(5), "yes": true}
	get(manager.CreateRule(soon(), topic, "s", &admin.CreateRuleOptions{
		Name:   to.Ptr("correlation"),
		Filter: &admin.CorrelationFilter{Subject: to.Ptr("wanted"), ApplicationProperties: properties},
	}))
	get(manager.DeleteRule(soon(), topic, "s", "$Default", nil))
	var found []string
	for pager := manager.NewListRulesPager(topic, "s", nil); pager.More(); {
		for _, rule := range get(pager.NextPage(soon())).Rules {
			found = append(found, rule.Name)
		}
	}
	sort.Strings(found)
	equal(found, []string{"correlation", "sql"})
	shown := get(manager.GetRule(soon(), topic, "s", "correlation", nil)).Filter.(*admin.CorrelationFilter)
	equal(*shown.Subject, "wanted")
	rule := get(manager.GetRule(soon(), topic, "s", "sql", nil))
	rule.Filter = &admin.SQLFilter{Expression: "size > 2"}
	get(manager.UpdateRule(soon(), topic, "s", rule.RuleProperties))
	messages := text("2", "3")
	messages[0].ApplicationProperties = map[string]any{"size": 2}
	messages[1].ApplicationProperties = map[string]any{"size": 3}
	send(topic, messages...)
	receiver := get(client.NewReceiverForSubscription(topic, "s", nil))
	defer receiver.Close(soon())
	message := one(receiver)
	equal([]any{string(message.Body), fmt.Sprint(message.ApplicationProperties["size"])}, []any{"3", "6"})
	must(receiver.CompleteMessage(soon(), message, nil))
}

func administration() {
	queue := newQueue(&admin.QueueProperties{LockDuration: to.Ptr("PT30S"), MaxDeliveryCount: to.Ptr(int32(7))})
	shown := get(manager.GetQueue(soon(), queue, nil))
	equal([]any{*shown.LockDuration, *shown.MaxDeliveryCount}, []any{"PT30S", int32(7)})
	shown.MaxDeliveryCount = to.Ptr(int32(3))
	get(manager.UpdateQueue(soon(), queue, shown.QueueProperties, nil))
	equal(*get(manager.GetQueue(soon(), queue, nil)).MaxDeliveryCount, int32(3))
	send(queue, text("1", "2")...)
	counts := get(manager.GetQueueRuntimeProperties(soon(), queue, nil))
	equal([]any{counts.ActiveMessageCount, counts.TotalMessageCount}, []any{int32(2), int64(2)})
	found := false
	for pager := manager.NewListQueuesPager(nil); pager.More(); {
		for _, listed := range get(pager.NextPage(soon())).Queues {
			found = found || listed.QueueName == queue
		}
	}
	equal(found, true)
	if _, err := manager.CreateQueue(soon(), queue, nil); err == nil {
		panic(failure{errors.New("expected a second queue of one name to be refused")})
	}
	get(manager.DeleteQueue(soon(), queue, nil))
	// The client answers nil for what is not there.
	equal(get(manager.GetQueue(soon(), queue, nil)) == nil, true)
	equal(get(manager.GetNamespaceProperties(soon(), nil)).SKU, "Standard")
	topic := name("topic")
	get(manager.CreateTopic(soon(), topic, nil))
	get(manager.CreateSubscription(soon(), topic, "s", &admin.CreateSubscriptionOptions{
		Properties: &admin.SubscriptionProperties{RequiresSession: to.Ptr(true)},
	}))
	equal(*get(manager.GetSubscription(soon(), topic, "s", nil)).RequiresSession, true)
	equal(get(manager.GetTopicRuntimeProperties(soon(), topic, nil)).SubscriptionCount, int32(1))
	get(manager.DeleteSubscription(soon(), topic, "s", nil))
	get(manager.DeleteTopic(soon(), topic, nil))
}

// run reports one check. @returns whether it passed
func run(title string, check func()) (passed bool) {
	defer func() {
		switch caught := recover().(type) {
		case nil:
			fmt.Println("ok " + title)
			passed = true
		case failure:
			fmt.Printf("not ok %s: %s\n", title, strings.Join(strings.Fields(caught.Error()), " "))
		default:
			fmt.Printf("not ok %s: %v\n", title, caught)
		}
	}()
	check()
	return
}

func main() {
	client = get(bus.NewClientFromConnectionString(os.Getenv("BUS"), nil))
	overHTTP := admin.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: plainHTTP{}}}
	manager = get(admin.NewClientFromConnectionString(os.Getenv("BUS_ADMIN"), &overHTTP))
	passed := true
	for _, check := range []struct {
		title string
		run   func()
	}{
		{"send and receive", sendAndReceive},
		{"batch", batch},
		{"abandon", abandon},
		{"defer", deferred},
		{"dead letter", deadLetter},
		{"renew lock", renewLock},
		{"lock lost", lockLost},
		{"schedule", schedule},
		{"peek", peek},
		{"sessions", sessions},
		{"next session", nextSession},
		{"session list", sessionList},
		{"rules", rules},
		{"administration", administration},
	} {
		passed = run(check.title, check.run) && passed
	}
	client.Close(context.Background())
	if !passed {
		os.Exit(1)
	}
}
