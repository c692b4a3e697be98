sessionStorage.trail = JSON.stringify([...JSON.parse(sessionStorage.trail), document.title + location.search]);
