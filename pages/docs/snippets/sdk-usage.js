const { total_tokens, token_limit, remaining_tokens, limit_period, resets_at } = await vanilla.usage();
const left = token_limit === null ? "no limit" : `${remaining_tokens} of ${token_limit} tokens left`;
document.body.append(left);
