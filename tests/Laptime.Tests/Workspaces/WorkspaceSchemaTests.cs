using System.Text.Json;
using System.Text.Json.Nodes;
using Laptime.Workspaces;
using Laptime.Workspaces.Yaml;

namespace Laptime.Tests.Workspaces;

public sealed class WorkspaceSchemaTests
{
    private static readonly JsonNode Schema = JsonNode.Parse(WorkspaceSchema.Json())!;

    [Fact]
    public void Every_key_of_the_table_is_in_the_schema_and_no_other()
    {
        foreach (var keys in WorkspaceKeys.All)
        {
            var properties = Schema["$defs"]![keys.Id]!["properties"]!.AsObject();
            Assert.Equal(keys.Keys.Select(k => k.Name), properties.Select(p => p.Key));
        }
    }

    [Fact]
    public void Every_reference_in_the_schema_leads_somewhere()
    {
        foreach (var text in WorkspaceSchema.Json().Split("\"$ref\": \"#/$defs/").Skip(1))
        {
            Assert.NotNull(Schema["$defs"]![text[..text.IndexOf('"')]]);
        }
    }

    [Fact]
    public void The_schema_accepts_the_example_of_the_contract() => Assert.Null(Refusal(ContractExampleTests.Text));

    /// <summary>Each key's own example, in the smallest file around it: the binder reads the key and the schema accepts it.</summary>
    [Fact]
    public void Every_key_of_the_table_with_its_example_is_read_by_the_binder_and_accepted_by_the_schema()
    {
        foreach (var keys in WorkspaceKeys.All)
        {
            foreach (var key in keys.Keys)
            {
                var file = Around(keys, $"{key.Name}: {Quoted(key)}", key.Name);
                using var folder = new TemporaryWorkspace("src/gateway/Dockerfile", "db/migrations/", "compose.yml", "proto/", "k8s/overlays/staging/", "chart/", "values.staging.yaml");
                try
                {
                    folder.Load(file);
                }
                catch (Laptime.Foundations.LapException e)
                {
                    Assert.Fail($"{keys.Id}.{key.Name}: {e.Message}\n{file}");
                }

                Assert.True(Refusal(file) is null, $"{keys.Id}.{key.Name}: {Refusal(file)}\n{file}");
            }
        }
    }

    /// <summary>A key with a value that cannot be right for it: a binder that does not look at the key would accept it.</summary>
    [Fact]
    public void Every_key_of_the_table_is_looked_at_by_the_binder()
    {
        foreach (var keys in WorkspaceKeys.All)
        {
            foreach (var key in keys.Keys)
            {
                var file = Around(keys, $"{key.Name}: [[[]]]", key.Name);
                using var folder = new TemporaryWorkspace("src/gateway/Dockerfile", "db/migrations/", "compose.yml", "chart/");
                Assert.True(folder.Problems(file).Count > 0, $"{keys.Id}.{key.Name}");
                Assert.True(Refusal(file) is not null, $"the schema accepts a list of lists for {keys.Id}.{key.Name}");
            }
        }
    }

    public static TheoryData<string> Refused =>
    [
        "components: { a: {} }",
        "name: shop",
        "name: a b\ncomponents: { a: {} }",
        "name: shop\ncomponents: { a: { pth: x } }",
        "name: shop\ncomponents: { a: { path: /etc } }",
        "name: shop\ncomponents: { a: { run: { command: x, port: 70000 } } }",
        "name: shop\ncomponents: { a: { run: { command: x, port: \"80\" } } }",
        "name: shop\ncomponents: { a: { run: { command: x, drain: 30 } } }",
        "name: shop\ncomponents: { a: { run: { command: [] } } }",
        "name: shop\ncomponents: { a: { build: { steps: [ { name: a } ] } } }",
        "name: shop\ncomponents: { a: { build: { steps: { name: a, run: b, kind: c } } } }",
        "name: shop\ncomponents: { a: { probes: { ready: {} } } }",
        "name: shop\ncomponents: { a: { probes: { ready: { http: /, tcp: 80 } } } }",
        "name: shop\ncomponents: { a: {} }\nenvironments: { a: { target: moon } }",
        "name: shop\ncomponents: { a: { reconcile: rollin } }",
        "name: shop\ncomponents: { a: { needs: b, reconcile: { b: [rolling] } }, b: {} }",
        "name: shop\ncomponents: { a: { run: { command: x, env: { 1A: x } } } }",
    ];

    [Theory]
    [MemberData(nameof(Refused))]
    public void The_schema_refuses_what_the_binder_refuses(string file)
    {
        using var folder = new TemporaryWorkspace();
        Assert.NotEmpty(folder.Problems(file));
        Assert.NotNull(Refusal(file));
    }

    public static TheoryData<string> Accepted =>
    [
        "name: shop\nx-own: [1, { a: b }]\ncomponents: { a: { run: serve, x-b: 1 }, x-c: 7 }\nenvironments: { local: }\nprofiles: { p: }",
        "name: shop\ncomponents: { a: { inputs: \"**\", run: [serve, 1, true], uses: b }, b: { path: . } }",
        "version: 1\nname: 1.0\ncomponents: { 7: { run: { command: x, port: 80, stop-grace: 1m30s }, probes: { smoke: { tcp: \"${port}\" } } } }",
        "name: shop\ncomponents: { a: { needs: b, reconcile: rolling }, b: { uses: c, needs: d, reconcile: { c: rolling, d: none, x-e: 1 } }, c: { reconcile: none }, d: {} }",
        "name: shop\ncomponents: { a: { path: . } }\nenvironments: { a: { timeouts: { rollout: 5m, ready: 1s, reconcile: 1h, poll: 5ms } } }",
        "name: shop\ncomponents: { a: { path: . } }\nenvironments: { a: { infra: { bootstrap: up.sh } }, b: { infra: { bootstrap: [up.sh, { run: [a, b] }] } } }",
    ];

    [Theory]
    [MemberData(nameof(Accepted))]
    public void The_schema_accepts_what_the_binder_accepts(string file)
    {
        using var folder = new TemporaryWorkspace();
        folder.Load(file);
        Assert.Null(Refusal(file));
    }

    private static string Quoted(Key key) => key.Type is KeyType.Command or KeyType.TemplateText && key.Example[0] is not ('[' or '"') ? $"\"{key.Example}\"" : key.Example;

    private static string Around(KeySet keys, string line, string key)
    {
        var others = string.Concat(keys.Keys.Where(k => k.Required && k.Name != key).Select(k => $", {k.Name}: {Quoted(k)}"));
        var own = $"{{ {line}{others} }}";
        var also = "catalog: { path: . }, catalog-client: { path: . }";
        string Component(string inside) => $"name: shop\ncomponents: {{ gateway: {{ path: src/gateway, {inside} }}, {also} }}\nprofiles: {{ release: {{ vars: {{ configuration: x }} }} }}\nledgers: {{ main: {{ path: db/migrations }} }}\n";
        string Top(string inside) => $"name: shop\ncomponents: {{ {also} }}\nprofiles: {{ release: {{}} }}\n{inside}\n";
        return keys.Id switch
        {
            "workspace" => $"{line}\n{(key == "name" ? "" : "name: shop\n")}{(key == "components" ? "" : $"components: {{ {also} }}\n")}",
            "component" => Component(key == "path" ? "" : line + (key == "probes" ? ", run: { command: x, port: 80 }" : key == "migrate" ? ", run: x" : "")).Replace("path: src/gateway, ", key == "path" ? line + ", " : "path: src/gateway, "),
            "build" => Component($"build: {own}"),
            "step" => Component($"build: {{ steps: {own} }}"),
            "image" => Component($"build: {{ image: {{ {line}{(key is "root" or "workdir" or "user" or "env" or "labels" or "port" or "command" ? ", base: scratch" : "")} }} }}"),
            "run" => Component($"run: {{ {line}{(key == "command" ? ", port: 80" : ", command: x")} }}"),
            "migrate" => Component($"run: x, migrate: {own}"),
            "probes" => Component($"run: {{ command: x, port: 80 }}, probes: {own}"),
            "probe" => Component($"run: {{ command: x, port: 80 }}, probes: {{ ready: {{ {(key is "http" or "tcp" or "run" or "file" ? "" : "http: /, ")}{line} }} }}"),
            "profile" => $"name: shop\ncomponents: {{ {also} }}\nprofiles: {{ release: {own} }}\n",
            "environment" => Top($"environments: {{ a: {{ {line}{Target(key)} }} }}"),
            "guardrails" => Top($"environments: {{ a: {{ loop: safe, guardrails: {own} }}, staging: {{}} }}"),
            "review" => Top($"environments: {{ a: {{ loop: safe, guardrails: {{ review: {{ {(key == "by" || key == "self" ? "" : $"by: {(key == "file" ? "attestation" : key)}, ")}{line} }} }} }} }}"),
            "freeze" => Top($"environments: {{ a: {{ loop: safe, guardrails: {{ freeze: {{ {line}{(key switch { "from" => ", until: 2028-01-01", "until" => ", from: 2020-01-01", "weekly" => "", _ => ", weekly: Fri 16:00 - Mon 08:00" })} }} }} }} }}"),
            "commands" => Top($"environments: {{ a: {{ target: command, commands: {own} }} }}"),
            "timeouts" => Top($"environments: {{ a: {{ timeouts: {own} }} }}"),
            "infra" => Top($"environments: {{ a: {{ infra: {own} }} }}"),
            "bootstrap" => Top($"environments: {{ a: {{ infra: {{ bootstrap: {own} }} }} }}"),
            "artifacts" => Top($"artifacts: {(key is "local-registry" or "insecure" or "timeout" ? $"{{ store: oci://127.0.0.1:5000/shop, {line} }}" : own)}"),
            "journal" => Top("journal: " + own.Replace("${env.JOURNAL_URL}", "journal.db")),
            "trust" => Top($"trust: {own}"),
            "ledger" => Top($"ledgers: {{ main: {own} }}"),
            _ => throw new InvalidOperationException($"no place for {keys.Id}"),
        };
    }

    /// <summary>Keys that only mean something with one target get it.</summary>
    private static string Target(string key) => key switch
    {
        "commands" => ", target: command",
        "guardrails" => ", loop: safe",
        "manifests" or "kustomize" or "chart" => ", target: kubernetes",
        "values" => ", target: kubernetes, chart: chart",
        "context" or "namespace" => ", target: kubernetes, manifests: k8s/*.yaml",
        _ => "",
    };

    private static string? Refusal(string yaml) => new SmallJsonSchema(Schema).Refusal(ToJson(YamlReader.Read(yaml, new ProblemList("x"))!));

    /// <summary>As an editor's YAML service reads it (core schema).</summary>
    private static JsonNode? ToJson(YamlNode node) => node switch
    {
        { Kind: YamlKind.List } => new JsonArray([.. node.Items.Select(ToJson)]),
        { Kind: YamlKind.Map } => new JsonObject(node.Entries.Select(e => KeyValuePair.Create(e.Key.Text, ToJson(e.Value)))),
        { IsNull: true } => null,
        { Plain: true, Text: "true" or "false" } => JsonValue.Create(node.Text == "true"),
        { Plain: true } when long.TryParse(node.Text, out var number) => JsonValue.Create(number),
        { Plain: true } when double.TryParse(node.Text, out var number) => JsonValue.Create(number),
        _ => JsonValue.Create(node.Text),
    };
}
