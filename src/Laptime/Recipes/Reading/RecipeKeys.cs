using Laptime.Workspaces;

namespace Laptime.Recipes.Reading;

/// <summary>The one table of recipe.yaml's keys: its binder, `lap schema recipe` and docs/guide/recipes.md are made from it. None of them touches the budget.</summary>
public static class RecipeKeys
{
    private static readonly KeyType Text = new KeyType.Text();
    private static readonly KeyType Name = new KeyType.Name();
    private static readonly KeyType Place = new KeyType.Path();

    public static readonly KeySet Ready = new("ready", "one of `ready`",
    [
        new("http", Text, "Path that must answer with a status below 400 at the service's own address. Without it, the service's own health test decides.", "/healthz"),
        new("port", new KeyType.Integer(1, 65535), "Where it listens.", "8080", "the port of its proxy label, or of the service"),
        new("timeout", new KeyType.Span("1s", "24h"), "Bound on it.", "300s", "`timeout` of the file"),
    ]);

    public static readonly KeySet Seed = new("seed", "`seed`",
    [
        new("put", Place, "Program that writes an item: `put NAME VALUE`.", "tests/seed.sh", Required: true),
        new("get", Place, "Program that prints the value of an item: `get NAME`. Nothing, or another exit code than 0: there is none.", "tests/read.sh", Required: true),
        new("delete", Place, "Program that removes an item: `delete NAME`. With it, a restore must also bring a deleted item back.", "tests/remove.sh"),
    ]);

    public static readonly KeySet Dependency = new("dependency", "one of `deps`",
    [
        new("recipe", Text, "Folder of the recipe, relative to recipe.yaml, or its address.", "../keycloak", Required: true),
        new("mode", new KeyType.Choice("auto", "cold", "warm"),
            "`cold`: deployed for this run, once, and removed last. `warm`: the canonical deployment that stands already, with a namespace of this run's own. `auto`: warm when one stands and answers, else cold; which it was is reported.",
            "cold", "`auto`"),
        new("export", new KeyType.Texts(Templates: true, KeyType.TextNames.Variable),
            "Variables of this recipe that come of the dependency. Known names: `${url}`, `${host}`, `${port}`, `${namespace}`, `${env.NAME}` and `${secret.NAME}` of the dependency. A variable `SECRET_<NAME>` is the value of this recipe's secret of that name.",
            "{ OIDC_URL: \"${url}\" }", "none"),
        new("namespace", Place, "Program that makes (`create NAME`) and removes (`delete NAME`) this run's namespace in a warm one.", "tests/realm.sh", "it needs none"),
    ]);

    public static readonly KeySet Overlay = new("overlay", "`overlay`",
    [
        new("environment", Place, "Compose file over every deploy of a run.", "compose.test.yml"),
        new("base-only", Place, "Compose file over the base alone: a repair of the old version. It may not hide anything of head.", "compose.prev-fix.yml"),
    ]);

    public static readonly KeySet Hook = new("hook", "one of `hooks`",
    [
        new("service", Name, "Component that it runs in.", "db", Required: true),
        new("when", new KeyType.Choice("before-backup", "after-backup", "before-restore", "after-restore"), "When.", "before-backup", Required: true),
        new("run", Text, "For the component's shell (`/bin/sh -c`).", "./dump.sh", Required: true),
    ]);

    public static readonly KeySet Root = new("recipe", "the file itself",
    [
        new("version", new KeyType.Integer(1, 1), "Version of the file's format.", "1", "`1`"),
        new("recipe", Name, "What the recipe is called.", "kv", "the folder's name"),
        new("target", new KeyType.Choice("process", "swarm"), "Where it runs.", "swarm", "`swarm` with a compose file, `process` with a laptime.yaml"),
        new("env", new KeyType.Texts(Templates: false, KeyType.TextNames.Variable),
            "Variables over those of `.env.sample` (compose recipes), or of the run (workspace recipes). Secrets are generated; `SECRET_<NAME>` gives one its value.", "{ DOMAIN: kv.test }", "none"),
        new("ready", new KeyType.Named(Ready), "When a service is ready, by service.", "{ app: { http: /healthz } }", "the service's own health test, else that it runs"),
        new("timeout", new KeyType.Span("1s", "24h"), "Bound on converging, for services that have none of their own.", "300s", "the recipe's timeout label, else `300s`"),
        new("seed", new KeyType.Section(Seed), "Programs that write and read items, to see that data survives.", "{ put: tests/seed.sh, get: tests/read.sh }", "a marker file in every volume"),
        new("deps", new KeyType.Many(new KeyType.Section(Dependency)), "Recipes that must stand before this one.", "[ { recipe: ../keycloak, mode: cold } ]", "none"),
        new("not-applicable", new KeyType.Texts(Templates: false, null), "Tiers that do not apply, each with the reason. `install` always applies.", "{ restore: it keeps nothing }", "none"),
        new("may-skip", new KeyType.Texts(Templates: false, null), "Checks that may end with 77 (skipped), by name, each with the reason.", "{ tests/custom/mail.sh: no mail server here }", "none"),
        new("overlay", new KeyType.Section(Overlay), "Compose files over the recipe's own.", "{ environment: compose.test.yml }", "none"),
        new("volumes", new KeyType.Texts(Templates: false, KeyType.TextNames.Name),
            "Workspace recipes: folders that outlive the instances, each with the environment variable that tells the recipe where the folder is.", "{ data: DATA_DIR }", "none"),
        new("hooks", new KeyType.Many(new KeyType.Section(Hook)), "Workspace recipes: programs around backup and restore (compose recipes have them as labels).",
            "[ { service: db, when: before-backup, run: ./dump.sh } ]", "none"),
    ]);

    public static IReadOnlyList<KeySet> All { get; } = [Root, Ready, Seed, Dependency, Overlay, Hook];
}
