registerProcessor("constant", class extends AudioWorkletProcessor {
  process(_, [[channel]]) {
    channel.fill(0.5);
    return true;
  }
});
