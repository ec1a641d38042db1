using System.Text.Json.Nodes;
using FsCheck;
using FsCheck.Fluent;
using Laptime.Foundations;
using Laptime.Recipes;
using Laptime.Recipes.Reading;
using Laptime.Tests.Workspaces;
using Laptime.Workspaces;

namespace Laptime.Tests.Recipes;

/// <summary>recipe.yaml: read with the care of laptime.yaml. With LAPTIME_UPDATE_DOCS=1 the page's tables are written from the table of keys.</summary>
public sealed class RecipeFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public RecipeFileTests()
    {
        folder.File("kv/compose.yml", "services: { app: { image: busybox } }\n");
        folder.File("kv/compose.test.yml", "services: {}\n");
        folder.File("kv/notes.txt", "no program\n");
        foreach (var program in (string[])["kv/tests/seed.sh", "kv/tests/read.sh", "kv/tests/remove.sh", "kv/tests/realm.sh"])
        {
            TemporaryFolder.Executable(folder.File(program, "#!/bin/sh\n"));
        }

        folder.File("keycloak/compose.yml", "services: { app: { image: busybox } }\n");
    }

    public void Dispose() => folder.Dispose();

    private RecipeSettings Load(string text, RecipeKind kind = RecipeKind.Compose, bool foreign = false, string[]? checks = null) =>
        RecipeFile.Parse(text, folder.At("kv", "recipe.yaml"), new RecipeFileGround(folder.At("kv"), kind, foreign, checks));

    private string Problems(string text, RecipeKind kind = RecipeKind.Compose, bool foreign = false, string[]? checks = null) =>
        string.Join('\n', Assert.Throws<LapException>(() => Load(text, kind, foreign, checks)).Problems.Select(p => p.ToString().Replace(folder.Path + "/", "", StringComparison.Ordinal)));

    [Fact]
    public void Everything_that_can_be_written_is_read()
    {
        var settings = Load("""
            version: 1
            recipe: kv-store
            target: swarm
            env: { DOMAIN: kv.test, "N": 1 }
            ready: { app: { http: /healthz, port: 8080, timeout: 90s }, db: {} }
            timeout: 5m
            seed: { put: tests/seed.sh, get: tests/read.sh, delete: tests/remove.sh }
            deps:
              - { recipe: ../keycloak, mode: auto, namespace: tests/realm.sh, export: { OIDC_URL: "${url}/realms/${namespace}", SECRET_OIDC: "${secret.client}", A: "${env.A}-${host}:${port}" } }
              - { recipe: "https://git.example.org/recipes/mail.git", mode: warm }
            not-applicable: { restore: it keeps nothing }
            may-skip: { tests/custom/mail.sh: no mail server here }
            overlay: { environment: compose.test.yml }
            x-own: anything
            """, checks: ["tests/custom/mail.sh"]);
        Assert.Equal(("kv-store", TargetKind.Swarm, "kv.test", "1"), (settings.Name, settings.Target, settings.Env["DOMAIN"], settings.Env["N"]));
        Assert.Equal(new RecipeReady("/healthz", 8080, TimeSpan.FromSeconds(90)), settings.Ready["app"]);
        Assert.Equal(new RecipeReady(null, null, null), settings.Ready["db"]);
        Assert.Equal(TimeSpan.FromMinutes(5), settings.Timeout);
        Assert.Equal(new RecipeSeed(folder.At("kv", "tests/seed.sh"), folder.At("kv", "tests/read.sh"), folder.At("kv", "tests/remove.sh")), settings.Seed);
        Assert.Equal([(folder.At("keycloak"), DependencyMode.Auto), ("https://git.example.org/recipes/mail.git", DependencyMode.Warm)], settings.Deps.Select(d => (d.Recipe, d.Mode)));
        Assert.Equal((3, folder.At("kv", "tests/realm.sh"), 9), (settings.Deps[0].Export.Count, settings.Deps[0].Namespace, settings.Deps[0].At.Line));
        Assert.Equal("it keeps nothing", settings.NotApplicable[Tier.Restore]);
        Assert.Equal("no mail server here", settings.MaySkip["tests/custom/mail.sh"]);
        Assert.Equal((folder.At("kv", "compose.test.yml"), null), (settings.OverlayEnvironment, settings.OverlayBaseOnly));
    }

    [Fact]
    public void A_workspace_recipe_names_its_volumes_and_hooks()
    {
        var settings = Load("""
            target: process
            volumes: { data: DATA_DIR }
            hooks:
              - { service: app, when: before-backup, run: "./dump.sh > ${DATA_DIR}/dump" }
              - { service: app, when: after-restore, run: ./load.sh }
            """, RecipeKind.Workspace);
        Assert.Equal("DATA_DIR", settings.Volumes["data"]);
        Assert.Equal([(HookMoment.BeforeBackup, "./dump.sh > ${DATA_DIR}/dump"), (HookMoment.AfterRestore, "./load.sh")], settings.Hooks.Select(h => (h.Moment, h.Command)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("# nothing yet\n")]
    [InlineData("{}")]
    public void An_empty_file_says_nothing_and_is_fine(string text) => Assert.Empty(Load(text).Env);

    [Fact]
    public void Every_mistake_is_told_at_once_with_its_place_and_the_nearest_name()
    {
        var told = Problems("""
            targt: swarm
            ready: { app: { htpp: / } }
            seed: { put: tests/sed.sh, get: tests/read.sh }
            deps: [ { recipe: ../keyclok, mode: worm } ]
            not-applicable: { bakcup: x }
            """);
        foreach (var expected in (string[])
            [
                "kv/recipe.yaml:1:1: unknown key `targt` in recipe.yaml", "did you mean `target`?", "kv/recipe.yaml:2:17: unknown key `htpp`", "did you mean `http`?",
                "kv/recipe.yaml:3:14: the file `tests/sed.sh` does not exist", "did you mean `tests/seed.sh`?", "kv/recipe.yaml:4:19: there is no recipe at ../keyclok", "did you mean `../keycloak`?",
                "`mode` cannot be `worm`", "there is no tier `bakcup`", "did you mean `backup`?",
            ])
        {
            Assert.Contains(expected, told, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("deploys: 3")]
    [InlineData("budget: { deploys: 3 }")]
    [InlineData("expected: 2")]
    [InlineData("expected-deploys: 2")]
    [InlineData("deploy_count: 2")]
    [InlineData("max-installs: 2")]
    [InlineData("allow-redeploy: true")]
    [InlineData("deps: [ { recipe: ../keycloak, expected-deploys: 0 } ]")]
    [InlineData("seed: { put: tests/seed.sh, get: tests/read.sh, max-deploys: 2 }")]
    public void No_key_touches_the_budget_and_who_looks_for_one_is_told(string text) => Assert.Contains("no key touches the budget", Problems(text), StringComparison.Ordinal);

    [Fact]
    public void No_key_of_the_table_sounds_like_the_budget() =>
        Assert.DoesNotContain(RecipeKeys.All.SelectMany(k => k.Keys), k => k.Name.Contains("deploy", StringComparison.Ordinal) || k.Name.Contains("budget", StringComparison.Ordinal) || k.Name.Contains("expect", StringComparison.Ordinal));

    [Theory]
    [InlineData("env: { N: 1 }", "the key `N` is true or false")]
    [InlineData("env: { yes: 1 }", "write it in quotes: \"yes\":")]
    [InlineData("env: { 1A: x }", "environment variable")]
    [InlineData("env: { STACK_NAME: x }", "set by lap")]
    [InlineData("env: { LAPTIME_X: x }", "set by lap")]
    [InlineData("env: [A=1]", "`env` must be a mapping")]
    [InlineData("env: { A: [1] }", "must be text")]
    [InlineData("version: 2", "newer lap")]
    [InlineData("target: docker", "`target` cannot be `docker`")]
    [InlineData("target: process", "does not run as processes")]
    [InlineData("ready: { app: { http: healthz } }", "must be a path")]
    [InlineData("ready: { app: { http: /a b } }", "must be a path")]
    [InlineData("ready: { app: { port: 80 } }", "says where `http` is asked")]
    [InlineData("ready: { app: { port: 99999 } }", "from 1 to 65535")]
    [InlineData("ready: app", "`ready` must be a mapping")]
    [InlineData("timeout: 300", "has no unit")]
    [InlineData("timeout: 0s", "a duration from 1s")]
    [InlineData("seed: { put: tests/seed.sh }", "`seed` has no `get`")]
    [InlineData("seed: { put: notes.txt, get: tests/read.sh }", "may not be executed")]
    [InlineData("seed: { put: /bin/true, get: tests/read.sh }", "must be a relative path")]
    [InlineData("seed: { put: tests, get: tests/read.sh }", "is a folder")]
    [InlineData("overlay: { environment: ../keycloak/compose.yml }", "leads out of the recipe")]
    [InlineData("overlay: { both: compose.test.yml }", "unknown key `both`")]
    [InlineData("deps: [ { mode: cold } ]", "has no `recipe`")]
    [InlineData("deps: [ { recipe: . } ]", "depends on itself")]
    [InlineData("deps: [ { recipe: 'ext::sh -c id' } ]", "no address that recipes are fetched from")]
    [InlineData("deps: [ { recipe: ../keycloak }, { recipe: ../keycloak/ } ]", "written twice")]
    [InlineData("deps: [ { recipe: ../keycloak, mode: cold, namespace: tests/realm.sh } ]", "needs no namespace")]
    [InlineData("deps: [ { recipe: ../keycloak, export: { A: '${uri}' } } ]", "did you mean `url`?")]
    [InlineData("deps: [ { recipe: ../keycloak, export: { A: '${url' } } ]", "without its `}`")]
    [InlineData("not-applicable: { install: x }", "always applies")]
    [InlineData("not-applicable: { backup: '' }", "has no reason")]
    [InlineData("not-applicable: [backup]", "must be a mapping")]
    [InlineData("volumes: { data: DATA }", "for recipes with a laptime.yaml")]
    [InlineData("hooks: [ { service: app, when: before-backup, run: x } ]", "as labels")]
    [InlineData("a: &a 1\nenv: { A: *a }", "anchors are not supported")]
    [InlineData("recipe: a b", "not a valid recipe")]
    [InlineData("- env", "must be a mapping")]
    public void What_cannot_be_is_refused(string text, string what) => Assert.Contains(what, Problems(text), StringComparison.Ordinal);

    [Theory]
    [InlineData("overlay: { environment: compose.test.yml }", "for recipes with a compose file")]
    [InlineData("target: swarm", "does not run on Swarm")]
    [InlineData("volumes: { data: 1X }", "environment variable")]
    [InlineData("hooks: [ { service: app, when: before, run: x } ]", "`when` cannot be `before`")]
    [InlineData("hooks: [ { service: app, when: before-backup, run: ' ' } ]", "`run` is empty")]
    public void What_cannot_be_in_a_workspace_recipe_is_refused(string text, string what) => Assert.Contains(what, Problems(text, RecipeKind.Workspace), StringComparison.Ordinal);

    [Fact]
    public void A_skip_of_a_check_that_is_not_there_is_refused() =>
        Assert.Contains("did you mean `tests/custom/mail.sh`?", Problems("may-skip: { tests/custom/mial.sh: x }", checks: ["tests/custom/mail.sh"]), StringComparison.Ordinal);

    [Fact]
    public void A_recipe_that_was_fetched_names_no_folder_of_this_machine() =>
        Assert.Contains("by their addresses", Problems("deps: [ { recipe: ../keycloak } ]", foreign: true), StringComparison.Ordinal);

    [Fact]
    public void A_file_that_a_link_leads_to_outside_is_none_of_the_recipe()
    {
        File.CreateSymbolicLink(folder.At("kv", "compose.away.yml"), folder.At("keycloak", "compose.yml"));
        Assert.Contains("leads out of the recipe", Problems("overlay: { environment: compose.away.yml }"), StringComparison.Ordinal);
    }

    [Fact]
    public void Whatever_stands_in_the_file_it_is_read_or_refused_with_places() => Check.One(Config.QuickThrowOnFailure.WithMaxTest(1500), Prop.ForAll(
        Texts.ToArbitrary(), text =>
        {
            try
            {
                Load(text);
            }
            catch (LapException e)
            {
                Assert.All(e.Problems, p => Assert.Contains("recipe.yaml:", p.Where!, StringComparison.Ordinal));
            }
        }));

    private static readonly Gen<string> Texts = Gen.OneOf(
        ArbMap.Default.GeneratorFor<string>().Select(s => s ?? ""),
        from keys in Gen.ListOf(Gen.Elements(RecipeKeys.All.SelectMany(k => k.Keys).Select(k => k.Name).Concat(["deploys", "x-a", "N", "<<"]).ToArray()))
        from values in Gen.ListOf(Gen.Elements("1", "x", "[a]", "{ a: b }", "[ { recipe: . } ]", "{ app: { http: / } }", "~", "\"${x}\"", "{ [", "300s", "!!int 3", "&a b", "*a", "{ restore: x, N: 1 }", "''"))
        from indents in Gen.ListOf(Gen.Elements("", "  ", "    ", "- ", "  - "))
        select string.Concat(keys.Select((k, i) => $"{(i < indents.Count ? indents[i] : "")}{k}: {(i < values.Count ? values[i] : "")}\n")));

    [Fact]
    public void The_schema_takes_what_the_binder_takes()
    {
        var schema = new SmallJsonSchema(JsonNode.Parse(WorkspaceSchema.Json("recipe.yaml", RecipeKeys.Root, RecipeKeys.All))!);
        Assert.Null(schema.Refusal(JsonNode.Parse("""{ "target": "swarm", "env": { "A": "b" }, "ready": { "app": { "http": "/" } }, "deps": [ { "recipe": "../k", "mode": "cold" } ], "timeout": "5m", "x-own": 1 }""")!));
        Assert.NotNull(schema.Refusal(JsonNode.Parse("""{ "deploys": 3 }""")!));
    }

    [Fact]
    public void The_page_has_every_key_as_the_table_has_it() => KeysPage.IsAsTheTable("recipes.md", RecipeKeys.All);

    [Fact]
    public void Every_yaml_block_of_the_page_loads()
    {
        var blocks = KeysPage.Blocks("recipes.md");
        Assert.NotEmpty(blocks);
        Assert.All(blocks, b => Load(b));
    }
}
