// The bookings of a day, in a file that people can read.
import { existsSync, readFileSync, writeFileSync } from "node:fs";

const quoted = (cell) => (/[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : `${cell}`);

export function openBookings(file) {
  const all = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : [];
  const keep = () => writeFileSync(file, JSON.stringify(all, null, 2) + "\n");

  return {
    all: (at) => all.filter((one) => !at || one.at === at),
    add(booking) {
      all.push(booking);
      all.sort((one, other) => one.at.localeCompare(other.at));
      keep();
    },
    remove(at, name) {
      const index = all.findIndex((one) => one.at === at && one.name === name);
      if (index < 0) return false;
      all.splice(index, 1);
      keep();
      return true;
    },
    export(into) {
      const rows = all.map(({ at, name, cars, dogs }) => [at, name, cars, dogs]);
      const table = [["Time", "Name", "Cars", "Dogs"], ...rows];
      writeFileSync(into, table.map((row) => row.map(quoted).join(",") + "\n").join(""));
      return all.length;
    },
  };
}
