// go get github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus github.com/google/uuid
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/google/uuid"
)

func main() {
	id := uuid.NewString()
	data := map[string]any{"service": "checkout", "good": 998, "total": 1000}
	check := map[string]any{
		"specversion": "1.0", "id": id, "source": "/probes/checkout", "type": "HealthCheck", "data": data,
	}
	client, err := azservicebus.NewClientFromConnectionString(os.Getenv("SERVICE_BUS"), nil)
	exitOn(err)
	sender, err := client.NewSender("health-check", nil)
	exitOn(err)
	body, err := json.Marshal(check)
	exitOn(err)
	message := &azservicebus.Message{Body: body, MessageID: &id, ContentType: to.Ptr("application/cloudevents+json")}
	exitOn(sender.SendMessage(context.Background(), message, nil))
	exitOn(client.Close(context.Background()))
}

func exitOn(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
