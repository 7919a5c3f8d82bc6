exports.next = (now) => `${(now.getUTCHours() + 1) % 24}:00`;
