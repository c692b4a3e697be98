const usage = await (await fetch("/api/inference/usage")).json();
// { prompt_tokens, completion_tokens, total_tokens, token_limit, limit_period, remaining_tokens, resets_at }
// of the current period; token_limit and remaining_tokens are null for somebody without a limit

const stats = await (await fetch("/api/inference/usage/stats?days=30")).json();
// { totals, by_backend: [{ backend, ... }], by_model: [{ model, ... }], by_day: [{ day, ... }] }
document.body.append(`${usage.total_tokens} now, ${stats.totals.total_tokens} in thirty days`);
