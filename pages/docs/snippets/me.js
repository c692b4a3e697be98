const { user } = await (await fetch("/auth/me")).json();
document.body.append(user.username); // and user.id; a game learns nothing else
