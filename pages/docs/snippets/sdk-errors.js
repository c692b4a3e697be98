// In one place, for every call that meets a limit
const stopListening = vanilla.onLimit(({ used, limit, resetsAt }) => {
  document.body.append(`${used} of ${limit} tokens are used, until ${resetsAt ?? "the host says otherwise"}.`);
});

try {
  document.body.append(await vanilla.chat("Who goes there?", { maxTokens: 60 }));
} catch (error) {
  if (error instanceof vanilla.LimitError && error.retryAfter === null) {
    document.body.append("No more words today. The game goes on without them.");
  } else if (error instanceof vanilla.VanillaError) {
    // status, type, message, and retryAfter: seconds, where trying again may help
    document.body.append(`${error.message} (${error.status} ${error.type}, ${error.retryAfter})`);
  } else {
    throw error; // a mistake of the game's own
  }
}
stopListening();
