/* Short notes, made when they are needed. A browser lets sound start only after the first tap. */

let context = null;
let isOn = true;

export function setSound(on) {
  isOn = on;
}

export function note(frequency, seconds = 0.12, type = "triangle") {
  if (!isOn) return;
  context ??= new AudioContext();
  const tone = context.createOscillator();
  const loudness = context.createGain();
  tone.type = type;
  tone.frequency.value = frequency;
  loudness.gain.setValueAtTime(0.12, context.currentTime);
  loudness.gain.exponentialRampToValueAtTime(0.001, context.currentTime + seconds);
  tone.connect(loudness).connect(context.destination);
  tone.start();
  tone.stop(context.currentTime + seconds);
}
