# Over HTTP, which says at once what is wrong: PLATFORM_EVENTS_URL is the app, PLATFORM_EVENTS_TOKEN a token for it.
curl --fail-with-body --silent --show-error "$PLATFORM_EVENTS_URL/api/events" \
  --header 'content-type: application/json' \
  --header "authorization: Bearer $PLATFORM_EVENTS_TOKEN" \
  --data '{ "source": "/probes/checkout", "type": "HealthCheck",
            "data": { "service": "checkout", "good": 998, "total": 1000 } }'
