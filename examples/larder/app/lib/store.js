// Every SQL statement stands here; pages never speak SQL.
import pg from "pg";

const HERE = "postgresql://larder@127.0.0.1/larder";

const TABLES = `
  CREATE TABLE IF NOT EXISTS things (
    id serial PRIMARY KEY,
    name text NOT NULL UNIQUE
  );
  CREATE TABLE IF NOT EXISTS deliveries (
    id serial PRIMARY KEY,
    thing_id integer NOT NULL REFERENCES things,
    amount integer NOT NULL CHECK (amount > 0),
    at timestamptz NOT NULL DEFAULT now()
  );
  CREATE TABLE IF NOT EXISTS handouts (
    id serial PRIMARY KEY,
    thing_id integer NOT NULL REFERENCES things,
    amount integer NOT NULL CHECK (amount > 0),
    at timestamptz NOT NULL DEFAULT now()
  );
`;

const THINGS = `
  SELECT things.id, things.name,
         (COALESCE(SUM(deliveries.amount), 0) - COALESCE(SUM(handouts.amount), 0))::int AS remaining
  FROM things
  LEFT JOIN deliveries ON deliveries.thing_id = things.id
  LEFT JOIN handouts ON handouts.thing_id = things.id
`;

const MOVEMENTS = `
  SELECT 'in' AS way, amount, at FROM deliveries WHERE thing_id = $1
  UNION ALL
  SELECT 'out' AS way, amount, at FROM handouts WHERE thing_id = $1
  ORDER BY at
`;

export async function openStore(address = HERE) {
  const pool = new pg.Pool({ connectionString: address, max: 4 });
  await pool.query(TABLES);

  const things = async () =>
    (await pool.query(`${THINGS} GROUP BY things.id ORDER BY things.name`)).rows;

  const thing = async (id) =>
    (await pool.query(`${THINGS} WHERE things.id = $1 GROUP BY things.id`, [id])).rows[0];

  const movements = async (id) => (await pool.query(MOVEMENTS, [id])).rows;

  async function takeIn(name, amount) {
    const { rows } = await pool.query(
      `INSERT INTO things (name) VALUES ($1)
       ON CONFLICT (name) DO UPDATE SET name = EXCLUDED.name RETURNING id`,
      [name],
    );
    await pool.query("INSERT INTO deliveries (thing_id, amount) VALUES ($1, $2)", [
      rows[0].id,
      amount,
    ]);
    return rows[0].id;
  }

  const giveOut = (id, amount) =>
    pool.query("INSERT INTO handouts (thing_id, amount) VALUES ($1, $2)", [id, amount]);

  const empty = () => pool.query("TRUNCATE things, deliveries, handouts RESTART IDENTITY");

  return { things, thing, movements, takeIn, giveOut, empty, close: () => pool.end() };
}
