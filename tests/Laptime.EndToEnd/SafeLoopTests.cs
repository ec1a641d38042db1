using System.Text.Json.Nodes;
using Laptime.EndToEnd.Harness;

namespace Laptime.EndToEnd;

/// <summary>
/// From the fast loop to the safe one with the real lap: a promotion refused by each guardrail, paid, allowed; a broken release that takes itself back; the audit log under attack.
/// </summary>
public sealed class SafeLoopTests
{
    private const string Ann = "Ann <ann@example.org>";

    [Fact]
    public async Task A_promotion_is_refused_by_each_guardrail_and_then_goes_through_by_digest()
    {
        await using var scene = await Scene.OpenAsync();
        var ws = scene.Workspace;

        // Nobody published it: no provenance.
        await ws.DeployAsync("--env", "staging");
        await RefusedAsync(ws, "provenance", "no artifact with provenance");

        // Published, by a builder that production does not take.
        await scene.PublishAsync();
        var staged = (await ws.DeployAsync("--env", "staging")).Valid();
        ws.Edit("laptime.yaml", "guardrails: {", "guardrails: { builders: [\"https://ci.example.org/*\"],");
        await RefusedAsync(ws, "builder", "was built by");
        ws.Edit("laptime.yaml", " builders: [\"https://ci.example.org/*\"],", "");

        // Frozen, now and for a year.
        var frozen = $"freeze: [ {{ name: audit, from: {DateTime.UtcNow.AddDays(-2):yyyy-MM-dd}, until: {DateTime.UtcNow.AddDays(400):yyyy-MM-dd} }} ],";
        ws.Edit("laptime.yaml", "guardrails: {", "guardrails: { " + frozen);
        await RefusedAsync(ws, "freeze", "frozen by audit until");

        // An override that the policy does not allow opens nothing; one that it does is in the record.
        await RefusedAsync(ws, "freeze", "frozen by audit until", "--override", "freeze", "--reason", "incident 1");
        ws.Edit("laptime.yaml", " " + frozen, "");

        // Nobody reviewed it; its own author did; somebody else did.
        ws.Edit("laptime.yaml", "guardrails: {", "guardrails: { review: { by: git },");
        await RefusedAsync(ws, "review", "nothing shows that");
        await scene.CommitAsync("Two", "two", "Reviewed-by: " + Ann);
        await scene.StageAsync();
        await RefusedAsync(ws, "review", "self:");
        await scene.CommitAsync("Three", "three", "Reviewed-by: Bob <bob@example.org>");
        await scene.StageAsync();

        // What was left out cannot be made up for: the step fails on that commit.
        ws.Edit("laptime.yaml", "run: \"test -s text.txt\"", "run: \"echo text is too long >&2; exit 3\"");
        await scene.CommitAsync("Lint is strict", "four", "Reviewed-by: Bob <bob@example.org>");
        await scene.StageAsync();
        await RefusedAsync(ws, "parity", "failed when it was made up for");
        ws.Edit("laptime.yaml", "run: \"echo text is too long >&2; exit 3\"", "run: \"test -s text.txt && date +%N > out/lint.txt\"");
        await scene.CommitAsync("Lint writes", "five", "Reviewed-by: Bob <bob@example.org>");
        await scene.StageAsync();
        await RefusedAsync(ws, "parity", "and not ");
        ws.Edit("laptime.yaml", "run: \"test -s text.txt && date +%N > out/lint.txt\"", "run: \"test -s text.txt\"");
        await scene.CommitAsync("Lint reads", "six", "Reviewed-by: Bob <bob@example.org>");

        // The smoke checks were left out where it comes from.
        await scene.PublishAsync();
        await ws.DeployAsync("--env", "staging", "--no-smoke");
        await RefusedAsync(ws, "smoke", "nothing shows that the smoke checks of web passed in staging");
        await scene.CommitAsync("Seven", "seven", "Reviewed-by: Bob <bob@example.org>");
        staged = await scene.StageAsync();

        // A question first: every guardrail with its evidence, and nothing done.
        var entries = (await ws.JsonAsync(0, "audit", "list", "-n", "1000"))["items"]!.AsArray().Count;
        var asked = await ws.JsonAsync(0, "promote", "--to", "production", "--dry-run");
        Assert.Equal("planned", asked.Outcome());
        Assert.Equal(9, asked["guardrails"]!.AsArray().Count);
        Assert.All(asked["guardrails"]!.AsArray(), g => Assert.Contains((string?)g!["status"], (string?[])["pass", "not-asked"]));
        Assert.Equal(entries, (await ws.JsonAsync(0, "audit", "list", "-n", "1000"))["items"]!.AsArray().Count);

        // Through: what production serves is what staging served, digest by digest; nothing was built for it.
        var promoted = (await ws.JsonAsync(0, "promote", "--to", "production")).Valid();
        Assert.Equal(("reflected", staged.Text("id")), (promoted.Outcome(), promoted.Text("promotedFrom")));
        Assert.Equal(staged.Component("web").Text("artifact"), promoted.Component("web").Text("artifact"));
        Assert.Contains(promoted["segments"]!.AsArray(), s => (string?)s!["name"] == "build/lint");
        Assert.Contains("same digest", Guardrail(promoted, "parity")["evidence"]!.ToJsonString(), StringComparison.Ordinal);
        Assert.Equal("seven", (await ws.GetAsync(scene.ProductionPort)).Body);

        // The next deploy of the same commit finds nothing to do, although production's policy is another one.
        Assert.Equal("unchanged", (await ws.DeployAsync("--env", "production")).Outcome());

        // The decision is there for other tools, for the refusals too.
        var summary = JsonNode.Parse(ws.Read($".laptime/reports/{promoted.Text("id")}.web.vsa.json"))!;
        var statement = JsonNode.Parse(Convert.FromBase64String((string)summary["dsseEnvelope"]!["payload"]!))!;
        Assert.Equal(("https://slsa.dev/verification_summary/v1", "PASSED"), ((string?)statement["predicateType"], (string?)statement["predicate"]!["verificationResult"]));
        Assert.Equal(promoted.Component("web").Text("artifact")["sha256:".Length..], (string?)statement["subject"]![0]!["digest"]!["sha256"]);

        var checklist = (await ws.JsonAsync(0, "checklist", "--env", "production"))["items"]!.AsArray();
        Assert.Equal(10, checklist.Count);
        Assert.All((string[])["1", "4", "5", "8", "9"], id => Assert.Equal("met", (string?)checklist.First(i => (string?)i!["id"] == id)!["status"]));
        Assert.Equal("no-evidence", (string?)checklist.First(i => (string?)i!["id"] == "2")!["status"]);
    }

    [Fact]
    public async Task A_ledger_refuses_a_promotion_by_governance_always_and_by_behaviour_where_its_policy_says_so()
    {
        await using var scene = await Scene.OpenAsync();
        var ws = scene.Workspace;
        await scene.StageAsync();
        ws.Write("shop.db", "");
        ws.Write("changes/0001_orders.sql", "create table if not exists orders (n int);");
        ws.Write("changes/0002_seed.sql", "insert into orders (n) values (1);");
        ws.Write("laptime.yaml", ws.Read("laptime.yaml").TrimEnd('\n') + "\nledgers:\n  main: { tool: sql, path: changes, database: \"sqlite:shop.db\" }\n");
        Assert.Equal("pass", (string?)Guardrail(await ws.JsonAsync(0, "promote", "--to", "production", "--dry-run"), "ledger")["status"]);
        ws.Edit("laptime.yaml", "tool: sql,", "tool: sql, behaviour: refuse,");
        await RefusedAsync(ws, "ledger", "main: not-idempotent");
        File.Delete(ws.At("changes/0002_seed.sql"));
        Assert.Equal("pass", (string?)Guardrail(await ws.JsonAsync(0, "promote", "--to", "production", "--dry-run"), "ledger")["status"]);

        // A body that does nothing has somebody else's number all the same.
        ws.Write("changes/0001_nothing.sql", "select 1;");
        ws.Edit("laptime.yaml", "behaviour: refuse", "behaviour: warn");
        await RefusedAsync(ws, "ledger", "main: duplicate-id");
    }

    [Fact]
    public async Task A_broken_release_takes_itself_back_and_the_old_revision_never_stops_serving()
    {
        await using var scene = await Scene.OpenAsync(two: true);
        var ws = scene.Workspace;
        await scene.StageAsync();
        await ws.JsonAsync(0, "promote", "--to", "production");
        var before = (await ws.JsonAsync(0, "status", "--env", "production")).Component("web")["observed"]!["revision"]!.ToString();

        // `api` goes through; `web`, which needs it, does not do its work in production. api is taken back.
        ws.Edit("laptime.yaml", "contains: \"e\"", "contains: \"${env.WANTED}\"");
        ws.Environment["WANTED"] = "t";
        ws.Write("api/text.txt", "two of api");
        await scene.CommitAsync("Broken in production", "two", "");
        await scene.StageAsync();
        ws.Environment["WANTED"] = "nothing that it says";

        using var stop = new CancellationTokenSource();
        var asking = AskUntilAsync(ws, [scene.ProductionPort, scene.ApiPort], stop.Token);
        var failed = (await ws.JsonAsync(14, "promote", "--to", "production")).Valid();
        await stop.CancelAsync();
        var (answers, bad) = await asking;
        Assert.True(answers > 10, $"{answers} answers");
        Assert.Empty(bad);
        Assert.Contains("serves again", failed.FailureMessage(), StringComparison.Ordinal);
        Assert.Equal("one", (await ws.GetAsync(scene.ProductionPort)).Body);
        Assert.Equal("one of api", (await ws.GetAsync(scene.ApiPort)).Body);
        Assert.Equal(before, (await ws.JsonAsync(0, "status", "--env", "production")).Component("web")["observed"]!["revision"]!.ToString());
    }

    [Fact]
    public async Task A_pruned_rollback_target_is_told_before_the_rollout_and_not_after()
    {
        await using var scene = await Scene.OpenAsync();
        var ws = scene.Workspace;
        var first = await scene.StageAsync();
        await ws.JsonAsync(0, "promote", "--to", "production");
        await scene.CommitAsync("Two", "two", "");
        await scene.StageAsync();
        scene.Forget(first.Component("web").Text("artifact"));

        var refused = (await ws.JsonAsync(21, "promote", "--to", "production")).Valid();
        Assert.Contains("is missing: not all of", Guardrail(refused, "rollback")["what"]!.ToString(), StringComparison.Ordinal);
        Assert.Equal(0, refused.Count("deploys"));
        Assert.Equal("one", (await ws.GetAsync(scene.ProductionPort)).Body);

        // Allowed, with a reason that stays in the record.
        ws.Edit("laptime.yaml", "guardrails: {", "guardrails: { override: [rollback],");
        var done = (await ws.JsonAsync(0, "promote", "--to", "production", "--override", "rollback", "--reason", "the old one is of no use")).Valid();
        Assert.Equal("overridden", (string?)Guardrail(done, "rollback")["status"]);
        Assert.Equal("two", (await ws.GetAsync(scene.ProductionPort)).Body);
        Assert.Contains("the old one is of no use", (await ws.JsonAsync(0, "audit", "list"))["items"]!.ToJsonString(), StringComparison.Ordinal);

        // And there is no way back to what is not there: 22, with what serves.
        var nowhere = (await ws.JsonAsync(22, "rollback", "--env", "production")).Valid();
        Assert.Contains("goes on serving", nowhere.FailureMessage(), StringComparison.Ordinal);
        Assert.Equal("two", (await ws.GetAsync(scene.ProductionPort)).Body);
    }

    [Fact]
    public async Task A_touched_audit_log_is_found_out()
    {
        await using var scene = await Scene.OpenAsync();
        var ws = scene.Workspace;
        await scene.StageAsync();
        await ws.JsonAsync(0, "promote", "--to", "production");
        await scene.CommitAsync("Two", "two", "");
        await scene.StageAsync();
        await ws.JsonAsync(0, "promote", "--to", "production");
        var whole = ws.Read(".laptime/audit/log.jsonl");
        Assert.Equal(4, whole.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.Empty((await ws.JsonAsync(0, "audit", "verify"))["findings"]!.AsArray());

        await FoundAsync("edited", whole.Replace("\"event\":\"promote\"", "\"event\":\"promotE\"", StringComparison.Ordinal));
        await FoundAsync("removed", string.Join('\n', whole.Split('\n').Where((_, i) => i != 1)));
        await FoundAsync("cut-tail", string.Join('\n', whole.Split('\n').Take(3)) + "\n");

        // Cut with its checkpoints: what lies with the artifacts still tells.
        File.Delete(ws.At(".laptime/audit/log.checkpoints.jsonl"));
        await FoundAsync("cut-tail", string.Join('\n', whole.Split('\n').Take(2)) + "\n");

        async Task FoundAsync(string kind, string log)
        {
            ws.Write(".laptime/audit/log.jsonl", log);
            var verdict = await ws.JsonAsync(21, "audit", "verify");
            Assert.Contains(kind, verdict["findings"]!.AsArray().Select(f => (string?)f!["kind"]));
            Assert.NotEmpty(verdict["cannotSee"]!.AsArray());
            ws.Write(".laptime/audit/log.jsonl", whole);
        }
    }

    [Fact]
    public async Task A_forged_journal_promotes_nothing_that_nobody_signed()
    {
        await using var scene = await Scene.OpenAsync();
        var ws = scene.Workspace;
        var signed = await scene.StageAsync();
        await scene.CommitAsync("Two", "two", "");
        var built = await ws.DeployAsync("--env", "staging");
        Assert.NotEqual(signed.Component("web").Text("artifact"), built.Component("web").Text("artifact"));

        // All that the journal has of the signed one is said of the other, whose digest alone stays.
        await ws.RunAsync("python3", "-c", """
            import json, sqlite3, sys
            journal = sqlite3.connect('.laptime/journal.db')
            signed, built = [json.loads(journal.execute('SELECT document FROM transactions WHERE id = ?', (id,)).fetchone()[0]) for id in sys.argv[1:]]
            artifact = [c for c in built['components'] if c['name'] == 'web'][0]['artifact']
            forged = dict(signed, id=built['id'])
            for component in forged['components']:
                component['artifact'] = artifact
            changed = journal.execute('UPDATE transactions SET document = ? WHERE id = ?', (json.dumps(forged), built['id']))
            assert changed.rowcount == 1
            journal.commit()
            """, signed.Text("id"), built.Text("id"));
        Assert.Equal(signed.Component("web").Text("fingerprint"), (await ws.JsonAsync(0, "report", built.Text("id"))).Component("web").Text("fingerprint"));
        await RefusedAsync(ws, "provenance", "");
    }

    private static JsonNode Guardrail(JsonObject document, string name) => document["guardrails"]!.AsArray().First(g => (string?)g!["name"] == name)!;

    private static async Task RefusedAsync(LapWorkspace ws, string guardrail, string words, params string[] more)
    {
        var refused = (await ws.JsonAsync(21, ["promote", "--to", "production", .. more])).Valid();
        Assert.Equal("guardrail-refused", refused.Outcome());
        Assert.Equal("refused", (string?)Guardrail(refused, guardrail)["status"]);
        Assert.Contains(words, (string)Guardrail(refused, guardrail)["what"]!, StringComparison.Ordinal);
        Assert.NotNull((string?)Guardrail(refused, guardrail)["mend"]);
        Assert.Equal(0, refused.Count("deploys"));
    }

    private static async Task<(int Answers, List<string> Bad)> AskUntilAsync(LapWorkspace ws, int[] ports, CancellationToken stop)
    {
        var (answers, bad) = (0, new List<string>());
        while (!stop.IsCancellationRequested)
        {
            foreach (var port in ports)
            {
                try
                {
                    var (status, body) = await ws.GetAsync(port);
                    answers++;
                    if (status != 200)
                    {
                        bad.Add($"{port}: {status} {body}");
                    }
                }
                catch (HttpRequestException e)
                {
                    bad.Add($"{port}: {e.Message}");
                }
            }
        }

        return (answers, bad);
    }

    /// <summary>A repository with staging and production on this machine, a key, and a store beside it.</summary>
    private sealed class Scene : IAsyncDisposable
    {
        private const string Server = """
            import http.server, os
            class H(http.server.BaseHTTPRequestHandler):
                def do_GET(self):
                    self.send_response(200); self.end_headers(); self.wfile.write(open('text.txt').read().strip().encode())
                def log_message(self, *a): pass
            http.server.ThreadingHTTPServer(('127.0.0.1', int(os.environ['PORT'])), H).serve_forever()
            """;

        private Scene(LapWorkspace workspace, int production, int api) => (Workspace, ProductionPort, ApiPort) = (workspace, production, api);

        public LapWorkspace Workspace { get; }

        /// <summary>Of `web`.</summary>
        public int ProductionPort { get; }

        public int ApiPort { get; }

        public static async Task<Scene> OpenAsync(bool two = false)
        {
            var ws = await LapWorkspace.EmptyAsync();
            var (staging, production, api) = (Ports.Free(), Ports.Free(), Ports.Free());
            string Component(string name, int port, string more) => $$"""
                  {{name}}:
                    path: {{name}}
                    {{more}}
                    build:
                      steps:
                        - { name: make, kind: compile, run: "mkdir -p out && cp server.py text.txt out/" }
                        - { name: lint, kind: validate, run: "test -s text.txt", loops: [safe] }
                      outputs: ["out/**"]
                    run: { command: "cd out && exec python3 server.py", port: {{port}} }
                    probes:
                      ready: { http: / }
                      smoke: [ { http: /, contains: "{{(two ? "e" : "")}}" } ]

                """.Replace("contains: \"\"", "status: 200", StringComparison.Ordinal);
            foreach (var name in two ? (string[])["web", "api"] : ["web"])
            {
                ws.Write($"{name}/server.py", Server);
                ws.Write($"{name}/text.txt", name == "api" ? "one of api" : "one");
            }

            ws.Write(".gitignore", "out/\n.laptime/\n");
            ws.Write("laptime.yaml", $$"""
                name: safe
                components:
                {{(two ? Component("api", Ports.Free(), "vars: []").Replace("contains: \"e\"", "status: 200", StringComparison.Ordinal) : "")}}{{Component("web", staging, two ? "needs: [api]" : "vars: []")}}
                environments:
                  staging: { target: process }
                  production:
                    target: process
                    loop: safe
                    ports: { web: {{production}}{{(two ? $", api: {api}" : "")}} }
                    guardrails: { from: staging }
                artifacts: { store: ../store }
                trust:
                  - { source: merge-to-main, builder: "urn:test:builder", key: keys/lap.pub }

                """);
            ws.Environment["LAP_BUILDER"] = "urn:test:builder";
            (await ws.LapAsync("keys", "create")).Exits(0);
            await GitAsync(ws, "init", "-q", "-b", "main");
            var scene = new Scene(ws, production, api);
            await scene.CommitAsync("One", "one", "");
            return scene;
        }

        /// <summary>Commits everything as Ann.</summary>
        public async Task CommitAsync(string subject, string text, string trailer)
        {
            Workspace.Write("web/text.txt", text);
            await GitAsync(Workspace, "add", "-A");
            await GitAsync(Workspace, "commit", "-q", "-m", trailer.Length > 0 ? $"{subject}\n\n{trailer}" : subject);
        }

        public async Task PublishAsync() => Assert.Contains((await Workspace.JsonAsync(0, "publish", "--env", "staging")).Outcome(), (string[])["published", "unchanged"]);

        /// <summary>Publishes HEAD and brings it to staging.</summary>
        public async Task<JsonObject> StageAsync()
        {
            await PublishAsync();
            return await Workspace.DeployAsync("--env", "staging");
        }

        /// <summary>Takes an artifact's blobs out of both stores, as a pruning elsewhere does.</summary>
        public void Forget(string artifact)
        {
            foreach (var store in (string[])[Workspace.At(".laptime/artifacts"), Path.GetFullPath(Workspace.At("../store"))])
            {
                File.Delete(Path.Combine(store, "blobs", "sha256", artifact["sha256:".Length..]));
            }
        }

        public ValueTask DisposeAsync() => Workspace.DisposeAsync();

        private static Task GitAsync(LapWorkspace ws, params string[] arguments) =>
            ws.RunAsync("git", ["-c", "user.name=Ann", "-c", "user.email=ann@example.org", "-c", "commit.gpgsign=false", .. arguments]);
    }
}
