namespace Laptime.Workspaces;

/// <summary>
/// The one table of laptime.yaml's keys. The binder reads only keys that are here and refuses all others, `lap schema` prints it, and
/// docs/guide/laptime-yaml.md shows it: they cannot drift.
/// </summary>
public static class WorkspaceKeys
{
    private static readonly KeyType Text = new KeyType.Text();
    private static readonly KeyType Template = new KeyType.TemplateText();
    private static readonly KeyType Name = new KeyType.Name();
    private static readonly KeyType Names = new KeyType.Many(Name);
    private static readonly KeyType Path = new KeyType.Path();
    private static readonly KeyType Globs = new KeyType.Many(new KeyType.Glob());
    private static readonly KeyType Command = new KeyType.Command();
    private static readonly KeyType Variables = new KeyType.Texts(Templates: true, KeyType.TextNames.Variable);
    private static readonly KeyType Port = new KeyType.Integer(1, 65535);
    private static readonly KeyType Wait = new KeyType.Span("1ms", "24h");
    private static readonly KeyType Pause = new KeyType.Span("0s", "24h");

    private static readonly KeyType PlainTexts = new KeyType.Texts(Templates: false, Names: null);

    public static readonly KeySet Image = new("image", "`components.NAME.build.image`",
    [
        new("base", Text, "`scratch`, or an image pinned by digest: the outputs become one layer on it, made by lap without an engine, the same bytes on every machine. "
            + "`HOST/REPOSITORY@sha256:…`, `oci-layout:FOLDER@sha256:…`, or `sha256:…` of an image in the artifact store. Or the name of a component that is an image: what it builds is the base.",
            "scratch", "a Dockerfile"),
        new("builder", new KeyType.Choice("auto", "docker", "buildah", "dotnet"),
            "Who makes the image. `auto`: with `base` lap itself; with a Dockerfile `docker` where an engine answers, else `buildah`. `dotnet`: the SDK's container publish.", "buildah", "`auto`"),
        new("dockerfile", Path, "The Dockerfile, relative to the component's path.", "Dockerfile", "`Dockerfile`"),
        new("context", Path, "The build context, relative to the component's path.", ".", "`.`"),
        new("target", Text, "The stage to build.", "final", "the last stage"),
        new("args", Variables, "Build arguments of the Dockerfile; with `builder: dotnet` properties of the publish. They are inputs of the image.", "{ FLAVOR: plain }", "none"),
        new("platform", Text, "The one platform to build for.", "linux/arm64", "Linux on this machine's architecture"),
        new("root", Path, "With `base`: the folder of the component that becomes `workdir`; every output lies in it.", "out", "the component's own"),
        new("workdir", Text, "With `base`: where the outputs lie in the image, and its working directory.", "/srv", "`/app`"),
        new("user", Text, "With `base`: the user it runs as.", "\"1000:1000\"", "the base's"),
        new("env", new KeyType.Texts(Templates: false, KeyType.TextNames.Variable), "With `base`: environment variables kept in the image. Everybody who has the image can read them.", "{ TZ: UTC }", "the base's"),
        new("labels", PlainTexts, "With `base`: labels kept in the image.", "{ org.opencontainers.image.title: shop }", "the base's"),
        new("port", Port, "With `base`: the port the image says it serves.", "8080", "the base's"),
        new("command", new KeyType.Many(Text), "With `base`: the image's own program and arguments, for whoever starts it without a command. `run.command` is given at the rollout.", "[./web, --verbose]", "the base's"),
    ]);

    public static readonly KeySet Step = new("step", "one of `components.NAME.build.steps`",
    [
        new("name", Name, "What the step is called in reports: `build/compile`.", "compile", Required: true),
        new("kind", new KeyType.Choice("install", "compile", "validate", "package", "other"),
            "What the step is for. Reports tell time spent on validation from time spent on compiling by it.", "compile", "`other`"),
        new("run", Command, "The command. A text goes to the system's shell (`/bin/sh -e -c`, `cmd` on Windows), a list starts the program itself. It runs in the component's path.",
            "dotnet publish -c Release -o out", Required: true),
        new("inputs", Globs, "What the step reads. When none of it changed the step is a cache hit and does not run.", "[\"*.csproj\"]", "every input of the component"),
        new("loops", new KeyType.Many(new KeyType.Choice("fast", "safe")), "The loops the step runs in. A step left out of one is told as a parity gap.", "[safe]", "all"),
        new("tool", Command, "A command that prints the version of the tool: the output is part of the fingerprint.", "[dotnet, --version]", "none"),
        new("timeout", Wait, "Bound on the step.", "10m", "`30m`"),
        new("env", Variables, "Environment variables of the step.", "{ CI: \"1\" }", "none"),
    ]);

    public static readonly KeySet Build = new("build", "`components.NAME.build`",
    [
        new("steps", new KeyType.Many(new KeyType.Section(Step)), "The commands that build the artifact, in order.", "[ { name: compile, kind: compile, run: make } ]", "none"),
        new("outputs", Globs, "What makes up the artifact, relative to the component's path.", "[\"out/**\"]", "without steps: the inputs themselves"),
        new("image", new KeyType.Section(Image), "The artifact is a container image.", "{ dockerfile: Dockerfile, context: ., target: final }", "none"),
    ]);

    public static readonly KeySet Run = new("run", "`components.NAME.run`",
    [
        new("command", Command, "The command that starts the component, run in its artifact. May use `${port}`, `${revision}` and `${transaction}`.",
            "out/gateway --urls http://127.0.0.1:${port}", "with `build.image`: the image's own"),
        new("image", Text, "A fixed image instead of one that is built here: pinned by digest, or the id of one that the engine has. For targets that run containers.",
            "registry.example/postgres@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "the artifact"),
        new("port", Port, "The port users reach it at.", "8080", "it serves none"),
        new("container-port", Port, "The port that the program listens on in its container, given to it as `PORT`.", "80", "the only one that the image exposes, else `port`"),
        new("env", Variables, "Environment variables of the instance. `LAPTIME_REVISION`, `LAPTIME_TRANSACTION` and, for `process`, `PORT` are added.", "{ LOG_LEVEL: info }", "none"),
        new("replicas", new KeyType.Integer(1, 1000), "How many instances.", "2", "`1`"),
        new("stop-grace", Pause, "From SIGTERM to SIGKILL.", "30s", "`10s`"),
        new("drain", Pause, "How long requests under way may take to finish on the old instance after the switch.", "15s", "`5s`"),
    ]);

    public static readonly KeySet Probe = new("probe", "`components.NAME.probes.*`; exactly one of `http`, `tcp`, `run` and `file`",
    [
        new("http", Template, "Path and query to ask for, on the component's port. Redirects are not followed.", "/health/ready"),
        new("tcp", new KeyType.PortOrOwn(), "A port that must accept a connection.", "5432"),
        new("run", Command, "A command that must end with 0.", "./smoke.sh"),
        new("file", Template, "A file that must exist, relative to the instance's directory.", "ready.txt"),
        new("status", new KeyType.Integer(100, 599), "With `http`: the status that is wanted.", "200", "any 2xx"),
        new("contains", Template, "With `http`, `run` and `file`: a text that the answer, the output or the file must contain.", "\"${revision}\"", "any content"),
        new("headers", new KeyType.Texts(Templates: true, Names: null), "With `http`: headers of the request.", "{ Accept: application/json }", "none"),
        new("timeout", Wait, "Bound on the whole wait.", "1m", "`30s`; reflect `10s`, one smoke check `60s`"),
        new("poll", Wait, "Longest pause between attempts; the first ones come faster.", "200ms", "`100ms`"),
        new("successes", new KeyType.Integer(1, 1000), "Successes in a row that are asked for.", "3", "`1`"),
    ]);

    public static readonly KeySet Probes = new("probes", "`components.NAME.probes`",
    [
        new("live", new KeyType.Section(Probe), "Is it running?", "{ tcp: \"${port}\" }", "the process exists and, with a port, accepts a connection"),
        new("ready", new KeyType.Section(Probe), "May it take requests?", "{ http: /health/ready, timeout: 30s }", "not defined"),
        new("smoke", new KeyType.Many(new KeyType.Section(Probe)), "Does it do its work? Checked before users reach it.", "[ { http: /api/cart, status: 200, contains: items } ]", "not defined"),
        new("reflect", new KeyType.Section(Probe), "Does it answer with the new revision?", "{ http: /version, contains: \"${revision}\" }", "the target's own evidence"),
    ]);

    public static readonly KeySet Migrate = new("migrate", "`components.NAME.migrate`",
    [
        new("run", Command, "The command that applies what is pending, run in the component's path before the component is rolled out. `${env.NAME}` may be used.", "dbmate up", Required: true),
        new("ledger", Text, "One of `ledgers`: what it records is read before and after.", "main", "nothing is read, so every run counts as a change of the schema"),
        new("timeout", Wait, "Bound on the command.", "10m", "`30m`"),
    ]);

    public static readonly KeySet Component = new("component", "`components.NAME`",
    [
        new("path", Path, "Its folder. It may lie outside the workspace as long as it stays in the same git repository.", "src/gateway", "`.`"),
        new("inputs", Globs, "What decides its artifact, relative to its path; a leading `!` excludes.", "[\"**\", \"../../proto/**\"]", "`**`: all files under its path that git does not ignore"),
        new("uses", Names, "Components whose artifact is an input of this one.", "[catalog-client]", "none"),
        new("needs", Names, "Components that must be ready before this one is rolled out.", "[catalog]", "none"),
        new("reconcile", new KeyType.ChoiceByName("none", "rolling"),
            "`rolling`: it loads the artifacts of what it `needs` and `uses` when it starts, so it is restarted when one of them is another than it loaded. A mapping says it for each of them: `{ catalog: rolling }`.",
            "rolling", "`none`"),
        new("vars", new KeyType.Many(Text), "Environment variables that count as inputs.", "[BUILD_FLAVOR]", "none"),
        new("build", new KeyType.Section(Build), "How the artifact is made.", "{ steps: [ { name: compile, run: make } ], outputs: [\"out/**\"] }", "the inputs are the artifact"),
        new("run", new KeyType.SectionOrCommand(Run), "How it is started.", "{ command: out/gateway, port: 8080 }", "it is only built"),
        new("migrate", new KeyType.SectionOrCommand(Migrate), "How its migrations are applied before it is rolled out.", "{ run: dbmate up, ledger: main }", "lap applies none"),
        new("probes", new KeyType.Section(Probes), "How it is known to be alive, ready, working and new.", "{ ready: { http: /health/ready } }", "the defaults of each"),
    ]);

    public static readonly KeySet Profile = new("profile", "`profiles.NAME`",
    [
        new("vars", new KeyType.Texts(Templates: false, KeyType.TextNames.Name), "The values of `${profile.NAME}` in commands.", "{ configuration: Release }", "none"),
    ]);

    public static readonly KeySet Bootstrap = new("bootstrap", "one of `environments.NAME.infra.bootstrap`",
    [
        new("run", Command, "The command, run in the workspace's folder.", "./infra/up.sh", Required: true),
    ]);

    public static readonly KeySet Infra = new("infra", "`environments.NAME.infra`",
    [
        new("inputs", Globs, "What decides the infrastructure, relative to the workspace. A change runs the bootstrap again.", "[\"infra/**\"]", "none"),
        new("bootstrap", new KeyType.Many(new KeyType.SectionOrCommand(Bootstrap)), "Commands that bring the infrastructure up.", "[ { run: ./infra/up.sh } ]", "none"),
    ]);

    public static readonly KeySet Timeouts = new("timeouts", "`environments.NAME.timeouts`; each also a flag of `lap deploy` and an environment variable, which win",
    [
        new("rollout", Wait, "Bound on the rollout of one component as a whole (`--rollout-timeout`, `LAP_ROLLOUT_TIMEOUT`).", "5m", "its parts have bounds of their own"),
        new("ready", Wait, "Instead of the `timeout` of every ready probe (`--ready-timeout`, `LAP_READY_TIMEOUT`).", "1m", "as the probes say"),
        new("reconcile", Wait, "Bound on the restart of one component as a whole (`--reconcile-timeout`, `LAP_RECONCILE_TIMEOUT`).", "5m", "`rollout`"),
        new("poll", Wait, "Instead of the `poll` of every probe (`--poll`, `LAP_POLL`).", "200ms", "as the probes say"),
    ]);

    public static readonly KeySet Commands = new("commands", "`environments.NAME.commands`, with `target: command`",
    [
        new("observe", Command, "Prints what runs, as JSON. Run in the workspace's folder, as all of them.", "./ops/observe.sh", Required: true),
        new("rollout", Command, "Brings one component to a revision, prints its progress and in the end what runs.", "./ops/rollout.sh", Required: true),
        new("rollback", Command, "Brings back what ran before a rollout that failed at any point.", "./ops/rollback.sh", "what the rollout left stays"),
        new("stop", Command, "Stops and removes one component.", "./ops/stop.sh", "`lap down` says that it cannot"),
        new("logs", Command, "Prints the log of one component.", "./ops/logs.sh", "`lap logs` says that it cannot"),
        new("exec", Command, "Runs a command in one component.", "./ops/exec.sh", "`lap exec` says that it cannot"),
        new("timeout", Wait, "Bound on each of them (`logs` and `exec` have none).", "2m", "`5m`"),
    ]);

    public static readonly KeySet Review = new("review", "`environments.NAME.guardrails.review`",
    [
        new("by", new KeyType.Choice("git", "codeowners", "attestation", "command"),
            "Where the evidence is. `git`: `Reviewed-by`, `Acked-by` and `Merged-by` of the commits, and who merged. `codeowners`: as `git`, and the reviewer owns what changed. "
            + "`attestation`: a file. `command`: a command that ends with 0 and prints who.", "codeowners", "`git`"),
        new("self", new KeyType.Switch(), "The author's own approval is enough. It is shown as `self`, never as four eyes.", "true", "`false`"),
        new("command", Command, "With `by: command`: gets the commit as `LAPTIME_COMMIT`, prints the reviewers, a line each.", "./ops/reviewed.sh"),
        new("file", Template, "With `by: attestation`: `{ \"commit\": …, \"approver\": …, \"at\": … }`, relative to the workspace.", "\"reviews/${commit}.json\""),
    ]);

    public static readonly KeySet Freeze = new("freeze", "one of `environments.NAME.guardrails.freeze`; `from` and `until`, or `weekly`",
    [
        new("name", Text, "What it is called in messages.", "year end", "`freeze`"),
        new("from", Text, "The first day, or the first minute.", "\"2026-12-20 18:00\""),
        new("until", Text, "The last day, or the first minute after it.", "\"2027-01-02\""),
        new("weekly", Text, "Every week, from then to then.", "Fri 16:00 - Mon 08:00"),
        new("zone", Text, "Whose clock.", "Europe/Berlin", "`UTC`"),
    ]);

    public static readonly KeySet Guardrails = new("guardrails", "`environments.NAME.guardrails`, with `loop: safe`",
    [
        new("from", Name, "The environment that promotions come from.", "staging", "the first of the fast loop"),
        new("builders", new KeyType.Many(Text), "Whose artifacts are taken here. One that ends with `*` stands for all that begin so.", "[\"https://ci.example.org/*\"]", "those of `trust`"),
        new("review", new KeyType.Section(Review), "Asks for evidence that somebody else reviewed the commit.", "{ by: git }", "none is asked for"),
        new("freeze", new KeyType.Many(new KeyType.Section(Freeze)), "Times in which nothing is rolled out.", "[ { weekly: \"Fri 16:00 - Mon 08:00\", zone: Europe/Berlin } ]", "none"),
        new("rollouts", new KeyType.Integer(1, 1000), "How many rollouts of this workspace may go on at once.", "1", "any number"),
        new("rollback-age", new KeyType.Span("1s", "3650d"), "How old the evidence of a rollback target may be.", "90d", "any age"),
        new("report-only", new KeyType.Many(new KeyType.Choice(GuardrailBinder.Names)), "Guardrails that report and do not refuse.", "[review]", "none"),
        new("override", new KeyType.Many(new KeyType.Choice(GuardrailBinder.Names)), "Guardrails that `--override NAME --reason TEXT` opens. It is always recorded.", "[freeze]", "none"),
    ]);

    public static readonly KeySet Environment = new("environment", "`environments.NAME`",
    [
        new("target", new KeyType.Choice("process", "docker", "swarm", "kubernetes", "command"), "The kind of place components run at.", "swarm", "`process`"),
        new("loop", new KeyType.Choice("fast", "safe"), "The policy: `fast` for the inner loop, `safe` for guardrails.", "safe", "`fast`"),
        new("guardrails", new KeyType.Section(Guardrails), "With `loop: safe`: what is asked of a rollout beyond verified provenance and smoke checks.", "{ review: { by: git }, override: [review] }", "none"),
        new("profile", Name, "The build settings.", "release", "the first of `profiles`"),
        new("ports", new KeyType.Texts(Templates: false, KeyType.TextNames.Name), "Ports that users reach components at here, instead of their `run.port`: two environments on one machine.", "{ catalog: 9080 }", "those of the components"),
        new("stack", new KeyType.Many(Path), "Compose files of a stack, relative to the workspace.", "compose.yml", "none"),
        new("commands", new KeyType.Section(Commands), "With `target: command`: the commands that lap deploys with.", "{ observe: ./ops/observe.sh, rollout: ./ops/rollout.sh }", "none"),
        new("manifests", Globs, "With `target: kubernetes`: manifest files, relative to the workspace.", "[\"k8s/*.yaml\"]", "none"),
        new("kustomize", Path, "With `target: kubernetes`, instead of `manifests`: a folder with a kustomization.", "k8s/overlays/staging", "none"),
        new("chart", Path, "With `target: kubernetes`, instead of `manifests`: a folder with a Helm chart (helm must be installed).", "chart", "none"),
        new("values", new KeyType.Many(Path), "With `chart`: files with its values, relative to the workspace.", "values.staging.yaml", "the chart's own"),
        new("context", Text, "With `target: kubernetes`: the context of the kubeconfig.", "staging", "the current context, whatever it is then"),
        new("namespace", Name, "With `target: kubernetes`: the namespace of everything.", "shop", "the context's"),
        new("timeouts", new KeyType.Section(Timeouts), "Bounds on the waits of a deploy there.", "{ rollout: 5m, reconcile: 5m }", "those of the parts"),
        new("infra", new KeyType.Section(Infra), "What must stand before components do.", "{ inputs: [\"infra/**\"], bootstrap: [ { run: ./infra/up.sh } ] }", "none"),
    ]);

    public static readonly KeySet Artifacts = new("artifacts", "`artifacts`",
    [
        new("store", Text, "Where `lap publish` puts artifacts: a folder (an OCI image layout; absolute, or relative to the workspace), or `oci://host/repository`. May use `${env.NAME}`.", "oci://127.0.0.1:5000/shop", "`.laptime/artifacts`"),
        new("local-registry", new KeyType.Switch(), "lap starts the registry of `store` on this machine when nothing answers there, and recovers it when it died or hangs. Only with an `oci://` store on a loopback address and a port.",
            "true", "`false`"),
        new("insecure", new KeyType.Switch(), "With an `oci://` store: `true` speaks plain HTTP to it, `false` speaks TLS.", "true", "plain HTTP on a loopback address, TLS everywhere else"),
        new("timeout", Wait, "With an `oci://` store: bound on one question to it, retries included. Blobs under way are bounded by their size and by standing still.", "30s", "`15s`"),
    ]);

    public static readonly KeySet Journal = new("journal", "`journal`",
    [
        new("store", Text, "A file relative to the workspace (SQLite), or `postgres://…`. May use `${env.NAME}`.", "\"${env.JOURNAL_URL}\"", "`.laptime/journal.db`"),
    ]);

    public static readonly KeySet Trust = new("trust", "one of `trust`",
    [
        new("source", Text, "The event that the sources came from: `merge-to-main`, `tag`, `branch`, `pull-request`, or what `LAP_SOURCE_EVENT` said.", "merge-to-main", Required: true),
        new("builder", Text, "Who built. One that ends with `*` stands for all that begin so.", "https://ci.example.org/main", Required: true),
        new("key", Path, "The public key its signatures are checked with.", "keys/ci.pub", Required: true),
        new("max-age", new KeyType.Span("1s", "3650d"), "How old an artifact may be.", "30d", "any age"),
        new("until", new KeyType.Day(), "The last day of this rule: what was built later is not trusted. For a key that another one replaces.", "2027-06-30", "no end"),
    ]);

    public static readonly KeySet Ledger = new("ledger", "`ledgers.NAME`",
    [
        new("tool", new KeyType.Choice("auto", "flyway", "liquibase", "ef", "dbmate", "golang-migrate", "rails", "django", "alembic", "atlas", "sql"),
            "The migration tool; `sql`: numbered files without one.", "auto", "`auto`: from the files and the database's tables"),
        new("path", Path, "The folder of the migrations, or the one file that lists them, relative to the workspace.", "db/migrations", Required: true),
        new("database", Template, "How to reach the database: `postgres://USER:PASSWORD@HOST/DATABASE` or `sqlite:PATH`. It is read, never written.", "\"${env.DATABASE_URL}\"", "only the files are checked"),
        new("main", Text, "The branch that the files are checked against as if it were merged.", "origin/main", "the remote's default branch, else `main` or `master`"),
        new("owners", PlainTexts, "Who owns the migrations: patterns below `path`, the last that fits wins.", "{ \"*\": \"@data-team\" }", "what CODEOWNERS says"),
        new("scratch", Template, "Where bodies may be tried: a PostgreSQL server that is there for trying, as a user who may make databases and roles, or `same-server` for the one of `database`. SQLite needs none.", "\"${env.SCRATCH_URL}\"", "bodies are only read"),
        new("template", Text, "A database of the scratch server to try on, rows and all; nobody may be connected to it.", "shop_template", "the schema of `database`, without its rows"),
        new("behaviour", new KeyType.Choice("warn", "refuse"),
            "What follows when a pending body is shown not to be idempotent, to lose data, or to be nothing that can be contained. `refuse`: `lap ledger check` ends with 19, and the safe loop refuses.", "refuse", "`warn`: it is told"),
        new("table", Text, "The ledger's table, when it is not called what the tool calls it.", "public.my_migrations", "the tool's own name"),
    ]);

    public static readonly KeySet Root = new("workspace", "the file",
    [
        new("version", new KeyType.Integer(1, 1), "Version of the file's format.", "1", "`1`"),
        new("name", Name, "Name of the workspace: everything deployed is labelled with it.", "shop", Required: true),
        new("components", new KeyType.Named(Component), "What is built and deployed. Needed, unless an environment has a `stack`: its services are deployed then.", "{ gateway: { path: src/gateway } }"),
        new("profiles", new KeyType.Named(Profile, MayBeEmpty: true), "Named build settings.", "{ fast: { vars: { configuration: Debug } } }", "none"),
        new("environments", new KeyType.Named(Environment, MayBeEmpty: true), "Where components run; the first is the default.", "{ local: { target: process, loop: fast } }",
            "`local: { target: process, loop: fast }`"),
        new("artifacts", new KeyType.Section(Artifacts), "Where artifacts are kept.", "{ store: .laptime/artifacts }", "`{ store: .laptime/artifacts }`"),
        new("journal", new KeyType.Section(Journal), "Where transactions are recorded.", "{ store: .laptime/journal.db }", "`{ store: .laptime/journal.db }`"),
        new("trust", new KeyType.Many(new KeyType.Section(Trust)), "The only combinations whose artifacts are trusted in the safe loop.",
            "[ { source: merge-to-main, builder: https://ci.example.org/main, key: keys/ci.pub } ]", "none"),
        new("ledgers", new KeyType.Named(Ledger), "Databases whose migrations are watched.", "{ main: { path: db/migrations } }", "none"),
    ]);

    /// <summary>Every mapping, from the outside in.</summary>
    public static IReadOnlyList<KeySet> All =>
        [Root, Component, Build, Step, Image, Run, Migrate, Probes, Probe, Profile, Environment, Guardrails, Review, Freeze, Timeouts, Commands, Infra, Bootstrap, Artifacts, Journal, Trust, Ledger];
}
