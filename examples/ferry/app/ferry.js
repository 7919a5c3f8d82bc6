#!/usr/bin/env node
// Reads what was asked for, and has it done. What is printed stands here, and nowhere else.
import { openBookings } from "./lib/bookings.js";
import { read } from "./lib/words.js";

const USAGE = `usage: ferry book TIME NAME [--cars N] [--dogs N]
       ferry cancel TIME NAME
       ferry list [--at TIME]
       ferry export FILE

The bookings of a day lie in ferry.json, in the folder in which ferry is run.
`;
const MOST = { cars: 12, dogs: 4 };

class Refused extends Error {}

/** A whole number from 0 to what there is room for. */
function amount(options, name) {
  const given = options[name] ?? "0";
  const number = Number(given);
  if (!/^\d+$/.test(given) || number > MOST[name]) {
    throw new Refused(`--${name} is a whole number of at most ${MOST[name]}, not "${given}"`);
  }
  return number;
}

function time(word) {
  if (!/^([01]\d|2[0-3]):[0-5]\d$/.test(word ?? "")) {
    throw new Refused(`a time is written 08:15, not "${word ?? ""}"`);
  }
  return word;
}

const line = ({ at, name, cars, dogs }) => `${at}  ${name}  ${cars} cars  ${dogs} dogs`;

const COMMANDS = {
  book([at, name], options, bookings) {
    if (!name) throw new Refused("say who crosses");
    const cars = amount(options, "cars");
    const dogs = amount(options, "dogs");
    bookings.add({ at: time(at), name, cars, dogs });
    return `Booked: ${at}  ${name}`;
  },
  cancel([at, name], _, bookings) {
    if (!bookings.remove(time(at), name)) throw new Refused(`nobody named ${name} crosses at ${at}`);
    return `Cancelled: ${at}  ${name}`;
  },
  list(_, options, bookings) {
    const found = bookings.all(options.at && time(options.at));
    return found.length ? found.map(line).join("\n") : "Nobody crosses.";
  },
  export([file], _, bookings) {
    if (!file) throw new Refused("say into which file");
    return `Exported ${bookings.export(file)} bookings to ${file}`;
  },
};

try {
  const { words, options } = read(process.argv.slice(2));
  const [command, ...rest] = words;
  if (options.help !== undefined || !command) {
    process.stdout.write(USAGE);
  } else if (!Object.hasOwn(COMMANDS, command)) {
    throw new Refused(`there is no command "${command}"; see ferry --help`);
  } else {
    console.log(COMMANDS[command](rest, options, openBookings("ferry.json")));
  }
} catch (error) {
  if (!(error instanceof Refused)) throw error;
  console.error(`ferry: ${error.message}`);
  process.exitCode = 2;
}
