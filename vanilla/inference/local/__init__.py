"""The embedded model: a small one in a child process that speaks the Ollama protocol on loopback.

process.py is the parent's side (start, restart, end); server.py is the child: its routes are in Ollama's shapes
(ollama.py) and OpenAI's (openai.py), answered (answers.py) by the model (engine.py, weights.py). Nothing is imported
here: the child starts fast by importing little.
"""
