export VANILLA_URL=ORIGIN
export VANILLA_TOKEN=vk_your_token
python main.py upload ./my-game
python main.py upload ./my-game --notes "The gate can be climbed now"
