curl ORIGIN/api/inference/anthropic/v1/messages \
  -H "authorization: Bearer vk_your_token" \
  -H "content-type: application/json" \
  -d '{"model": "claude-haiku-4-5", "max_tokens": 100,
       "messages": [{"role": "user", "content": "Who goes there?"}]}'
