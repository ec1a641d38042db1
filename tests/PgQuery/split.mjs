// node split.mjs SCRIPTS.json
// What PostgreSQL's parser takes for the statements of each script: one line each, a JSON list of their texts without the terminator, or null where it refuses the script.
import { readFileSync } from 'node:fs';
import { loadModule, parseSync } from 'libpg-query';

await loadModule();
for (const script of JSON.parse(readFileSync(process.argv[2], 'utf8'))) {
  const bytes = Buffer.from(script, 'utf8');
  try {
    const statements = parseSync(script).stmts.map((s) => {
      const from = s.stmt_location ?? 0;
      return bytes.subarray(from, s.stmt_len ? from + s.stmt_len : bytes.length).toString('utf8').trim();
    });
    console.log(JSON.stringify(statements));
  } catch (error) {
    console.log(JSON.stringify(null));
  }
}
