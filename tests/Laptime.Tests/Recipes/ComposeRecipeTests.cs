using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Laptime.Foundations;
using Laptime.Recipes;
using Laptime.Recipes.Reading;
using Laptime.Workspaces.Compose;

namespace Laptime.Tests.Recipes;

/// <summary>One checkout of a compose recipe, as it would be deployed.</summary>
public sealed class ComposeRecipeTests : IDisposable
{
    private static readonly Dictionary<string, string> None = [];

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    private ComposeRecipe Read(RecipeSettings? settings = null, Dictionary<string, string>? exports = null, bool isBase = false, string stack = "kv-1a2b", string[]? overlays = null) =>
        ComposeRecipe.Read(folder, stack, settings ?? new RecipeSettings(), exports ?? None, isBase, overlays);

    private string Problems(RecipeSettings? settings = null, string stack = "kv-1a2b") =>
        string.Join('\n', Assert.Throws<LapException>(() => Read(settings, stack: stack)).Problems).Replace(folder.Path + "/", "", StringComparison.Ordinal);

    private ComposeRecipe Simple(string more = "", string rest = "")
    {
        folder.File("compose.yml", $"services:\n  app:\n    image: busybox:1\n{more}\n{rest}\n");
        return Read();
    }

    /// <summary>As recipes of the Co-op Cloud are written.</summary>
    private void Real()
    {
        folder.File(".env.sample", """
            TYPE=notes

            DOMAIN=notes.example.com
            ## Domain aliases
            #EXTRA_DOMAINS=', `www.notes.example.com`'
            LETS_ENCRYPT_ENV=production
            COMPOSE_FILE="compose.yml"

            # Database
            COMPOSE_FILE="$COMPOSE_FILE:compose.postgres.yml"
            #COMPOSE_FILE="$COMPOSE_FILE:compose.smtp.yml"
            SITE="https://${DOMAIN}/notes" # where it is
            SECRET_DB_PASSWORD_VERSION=v1 # length=24
            SECRET_API_KEY_VERSION=v2 # length=40 charset=hex
            """);
        folder.File("abra.sh", """
            #!/bin/bash
            export APP_CONF_VERSION=v3
            export PG_BACKUP_VERSION=v1
            export STAMP=$(date)

            create_user() {
              export INNER=v9
              docker exec app true
            }
            """);
        folder.File("compose.yml", """
            ---
            version: "3.8"
            services:
              app:
                image: notes:1.1
                networks: [proxy, internal]
                environment:
                  - DOMAIN
                  - SITE
                  - DB_PASSWORD_FILE=/run/secrets/db_password
                configs:
                  - source: app_conf
                    target: /etc/app.conf
                secrets: [db_password, api_key]
                volumes: [files:/files, cache:/cache]
                deploy:
                  update_config: { failure_action: rollback, order: start-first }
                  labels:
                    - "traefik.enable=true"
                    - "traefik.http.services.${STACK_NAME}.loadbalancer.server.port=8080"
                    - "traefik.http.routers.${STACK_NAME}.rule=Host(`${DOMAIN}`)"
                    - "coop-cloud.${STACK_NAME}.version=1.1.0+3.12"
                    - "coop-cloud.${STACK_NAME}.timeout=${TIMEOUT:-180}"
                    - "backupbot.backup=${ENABLE_BACKUPS:-true}"
                    - "backupbot.backup.volumes.cache=false"
                    - "backupbot.backup.volumes.files.path=notes,attachments/all/"
                healthcheck:
                  test: ["CMD", "curl", "-f", "http://localhost:8080"]
                  interval: 30s
                  timeout: 10s
                  retries: 10
                  start_period: 1m
            networks:
              proxy: { external: true }
              internal:
            volumes: { files: , cache: }
            configs:
              app_conf:
                name: ${STACK_NAME}_app_conf_${APP_CONF_VERSION}
                file: app.conf.tmpl
                template_driver: golang
            secrets:
              db_password: { external: true, name: "${STACK_NAME}_db_password_${SECRET_DB_PASSWORD_VERSION}" }
              api_key: { external: true, name: "${STACK_NAME}_api_key_${SECRET_API_KEY_VERSION}" }
            """);
        folder.File("compose.postgres.yml", """
            services:
              db:
                image: postgres:16
                networks: [internal]
                secrets: [db_password]
                volumes: [pg:/var/lib/postgresql/data]
                configs: [ { source: pg_backup, target: /pg_backup.sh, mode: 0555 } ]
                deploy:
                  labels:
                    backupbot.backup.pre-hook: "/pg_backup.sh backup"
                    backupbot.backup.volumes.pg.path: "backup.sql"
                    backupbot.restore.post-hook: '/pg_backup.sh restore'
                healthcheck:
                  test: pg_isready -U $${USER:-notes}
            volumes: { pg: }
            configs:
              pg_backup: { name: "${STACK_NAME}_pg_backup_${PG_BACKUP_VERSION}", file: pg_backup.sh }
            """);
        folder.File("app.conf.tmpl", "domain = {{ env \"DOMAIN\" }}\n");
        folder.File("pg_backup.sh", "#!/bin/bash\n");
    }

    [Fact]
    public void A_real_recipe_is_read_as_it_is_deployed()
    {
        Real();
        var recipe = Read();
        Assert.Equal(["compose.yml", "compose.postgres.yml"], recipe.Files.Select(f => Path.GetFileName(f)!));
        Assert.Equal(("notes", "kv-1a2b.test", "https://kv-1a2b.test/notes", "kv-1a2b", "v3"), (recipe.Env["TYPE"], recipe.Env["DOMAIN"], recipe.Env["SITE"], recipe.Env["STACK_NAME"], recipe.Env["APP_CONF_VERSION"]));
        Assert.False(recipe.Env.ContainsKey("INNER") || recipe.Env.ContainsKey("STAMP"));
        Assert.Equal(("app", 8080, "1.1.0+3.12", TimeSpan.FromSeconds(180), TimeSpan.FromSeconds(180)), (recipe.Main.Name, recipe.Main.ProxyPort, recipe.VersionLabel, recipe.TimeoutLabel, recipe.Timeout));
        Assert.Equal("https://kv-1a2b.test/notes", recipe.Main.Compose.Environment["SITE"]);
        Assert.Equal(["pg_isready -U ${USER:-notes}"], recipe.Find("db")!.Compose.Health!.Test.Skip(1));
        Assert.Equal(["proxy"], recipe.ExternalNetworks);
        Assert.Equal([("db_password", "kv-1a2b_db_password_v1", 24), ("api_key", "kv-1a2b_api_key_v2", 40)], recipe.Secrets.Select(s => (s.Name, s.Target, s.Maker.Length)));
        Assert.Equal([("app_conf", "kv-1a2b_app_conf_v3", "golang"), ("pg_backup", "kv-1a2b_pg_backup_v1", null)], recipe.Configs.Select(c => (c.Name, c.Target, c.TemplateDriver)));
        Assert.Equal("domain = {{ env \"DOMAIN\" }}\n", Encoding.UTF8.GetString(recipe.Configs[0].Content));
        Assert.Contains(recipe.Warnings, w => w.Contains("abra.sh:4:1: `STAMP` is made by a program", StringComparison.Ordinal));

        var facts = recipe.Facts();
        Assert.Equal(["cache", "files", "pg"], facts.Volumes.Order());
        Assert.Equal([("app", "notes:1.1"), ("db", "postgres:16")], facts.Services.Select(s => (s.Name, s.Image!)));
        Assert.Equal(["files", "pg"], facts.Backup!.Volumes.Keys.Order());
        Assert.Equal(["notes", "attachments/all"], facts.Backup.Volumes["files"]!);
        Assert.Equal(["cache"], facts.Backup.Excluded);
        Assert.Equal([("db", HookMoment.BeforeBackup, "/pg_backup.sh backup"), ("db", HookMoment.AfterRestore, "/pg_backup.sh restore")], facts.Backup.Hooks.Select(h => (h.Service, h.Moment, h.Command)));
    }

    [Fact]
    public void Settings_stand_over_the_sample_and_what_dependencies_export_over_both()
    {
        Real();
        var recipe = Read(new RecipeSettings { Env = new Dictionary<string, string> { ["DOMAIN"] = "a.test", ["APP_CONF_VERSION"] = "v9", ["TIMEOUT"] = "20", ["ENABLE_BACKUPS"] = "false" }, Timeout = TimeSpan.FromSeconds(7) },
            new Dictionary<string, string> { ["DOMAIN"] = "b.test", ["SECRET_DB_PASSWORD"] = "given" });
        Assert.Equal(("b.test", "https://b.test/notes", "kv-1a2b_app_conf_v9"), (recipe.Env["DOMAIN"], recipe.Env["SITE"], recipe.Configs[0].Target));
        Assert.Equal((TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(7)), (recipe.TimeoutLabel, recipe.Timeout));
        Assert.Equal(("given", null), (recipe.Secrets[0].Given, recipe.Secrets[1].Given));
        Assert.Null(recipe.Backup);
        Assert.Contains(recipe.Warnings, w => w.Contains("nothing is backed up", StringComparison.Ordinal));
    }

    [Fact]
    public void Nothing_of_the_users_own_environment_comes_in()
    {
        var recipe = Simple("    environment: { A: \"${PATH}\", HOME: }");
        Assert.Equal("", recipe.Main.Compose.Environment["A"]);
        Assert.False(recipe.Main.Compose.Environment.ContainsKey("HOME"));
    }

    [Fact]
    public void A_key_that_others_take_for_a_truth_is_told_with_its_line()
    {
        folder.File("compose.yml", "x-env: &env\n  N: 1\nservices:\n  app:\n    image: busybox\n    environment:\n      <<: *env\n      \"Y\": 2\n      on: 3\n");
        Assert.Equal(["compose.yml:2:3", "compose.yml:9:7"], Read().Warnings.Where(w => w.Contains("write it in quotes", StringComparison.Ordinal)).Select(w => w[w.LastIndexOf("compose.yml", StringComparison.Ordinal)..w.IndexOf(": the key", StringComparison.Ordinal)]));
    }

    /// <summary>The ways of writing that recipes out there mix: lists joined to mappings, anchors in one file, labels of both kinds, tmpfs, folded commands.</summary>
    [Fact]
    public void Files_that_write_one_thing_in_two_ways_are_joined()
    {
        folder.File(".env.sample", "COMPOSE_FILE=\"compose.yml\"\nCOMPOSE_FILE=\"$COMPOSE_FILE:compose.pg.yml\"\nISSUER=https://${DOMAIN}\nENABLE_BACKUPS=true\nSECRET_PG_VERSION=v1\n");
        folder.File("compose.yml", """
            ---
            version: "3.8"
            services:
              app:
                image: app:${APP_VERSION:-1.0}-${APP_PLATFORM:-amd64}
                depends_on: [db]
                environment:
                  - HOSTNAME=${DOMAIN}
                  - ISSUER
                  - NOT_SET
                  - NAME={NAME:-App}
                secrets: [key]
                deploy:
                  labels:
                    - "backupbot.backup=${ENABLE_BACKUPS:-true}"
                    - "traefik.http.routers.${STACK_NAME}.rule=Host(`${DOMAIN}`${EXTRA_DOMAINS})"
            secrets:
              key: { external: true, name: "${STACK_NAME}_key_${SECRET_KEY_VERSION:-v1}" }
            """);
        folder.File("compose.pg.yml", """
            version: '3.8'
            x-env: &env
              PGDATABASE: app
            services:
              app:
                environment:
                  <<: *env
                  PGHOST: ${STACK_NAME}_db
                secrets: [pg]
              db:
                image: ${DB_IMAGE:-postgres}:${DB_VERSION:-17}
                stop_grace_period: 2m
                command: >
                  postgres
                  -c work_mem=${PG_WORK_MEM_MB:-16}MB
                volumes:
                  - data:/var/lib/postgresql/data
                  - type: tmpfs
                    target: /dev/shm
                    tmpfs:
                       size: 1000000000
                tmpfs:
                  - /tmp:size=${LIMIT:-1024}M
                environment:
                  <<: *env
                healthcheck:
                  test: ["CMD-SHELL", "pg_isready -h localhost -U $$POSTGRES_USER"]
                labels:
                  backupbot.backup.volumes.data.path: "/dump/latest"
                deploy:
                  labels:
                    backupbot.backup.pre-hook: "/pg_backup.sh backup"
                    backupbot.backup.volumes.data.path: "backup.sql"
            volumes:
               data:
            secrets:
              pg:
                external: true
                name: ${STACK_NAME}_pg_${SECRET_PG_VERSION:-v1}
            """);
        var recipe = Read();
        Assert.Equal(["HOSTNAME=kv-1a2b.test", "ISSUER=https://kv-1a2b.test", "NAME={NAME:-App}", "PGDATABASE=app", "PGHOST=kv-1a2b_db"], recipe.Main.Compose.Environment.Select(e => $"{e.Key}={e.Value}").Order(StringComparer.Ordinal));
        Assert.Equal(("app:1.0-amd64", "postgres:17"), (recipe.Main.Compose.Image, recipe.Find("db")!.Compose.Image));
        Assert.Equal(["postgres", "-c", "work_mem=16MB"], recipe.Find("db")!.Compose.Command!);
        Assert.Equal(["kv-1a2b_key_v1", "kv-1a2b_pg_v1"], recipe.Secrets.Select(s => s.Target));
        Assert.Equal(["data"], recipe.Facts().Volumes);
        Assert.Equal(["backup.sql"], recipe.Backup!.Volumes["data"]!);
        Assert.Null(recipe.VersionLabel);
        Assert.Contains(recipe.Warnings, w => w.Contains("is one of the container", StringComparison.Ordinal));
    }

    [Fact]
    public void Overlays_lie_on_top_and_the_one_of_the_base_on_the_base_alone()
    {
        using var outside = new TemporaryFolder();
        var settings = new RecipeSettings
        {
            OverlayEnvironment = outside.File("compose.test.yml", "services: { app: { environment: { A: test } } }"),
            OverlayBaseOnly = outside.File("compose.fix.yml", "services: { app: { image: \"busybox:fixed\" } }"),
        };
        folder.File("compose.yml", "services: { app: { image: \"busybox:1\", environment: { A: own } } }");
        var lane = outside.File("lane.yml", "services: { app: { environment: { B: lane } } }");
        var (head, before) = (Read(settings, overlays: [lane]), Read(settings, isBase: true, overlays: [lane]));
        Assert.Equal(("busybox:1", "busybox:fixed"), (head.Main.Compose.Image, before.Main.Compose.Image));
        Assert.Equal(("test", "lane"), (head.Main.Compose.Environment["A"], head.Main.Compose.Environment["B"]));
        Assert.Equal(["compose.yml", "compose.test.yml", "compose.fix.yml", "lane.yml"], before.Files.Select(f => Path.GetFileName(f)!));
    }

    [Theory]
    [InlineData("compose.yaml")]
    [InlineData("docker-compose.yml")]
    public void Without_COMPOSE_FILE_the_usual_names_count(string name)
    {
        folder.File(name, "services: { only: { image: busybox } }");
        Assert.Equal(("only", name), (Read().Main.Name, Path.GetFileName(Read().Files[0])));
    }

    [Fact]
    public void A_compose_file_that_is_not_there_is_told_with_the_nearest_name()
    {
        Real();
        Assert.Contains("did you mean `compose.postgres.yml`?", Problems(new RecipeSettings { Env = new Dictionary<string, string> { ["COMPOSE_FILE"] = "compose.yml:compose.postgre.yml" } }), StringComparison.Ordinal);
    }

    [Fact]
    public void A_compose_file_or_content_outside_of_the_recipe_is_not_read()
    {
        using var outside = new TemporaryFolder();
        var secret = outside.File("id_rsa", "private");
        folder.File("compose.yml", $"services: {{ app: {{ image: busybox, configs: [a] }} }}\nconfigs: {{ a: {{ file: {secret} }} }}\n");
        Assert.Contains("lies outside of the recipe", Problems(), StringComparison.Ordinal);
        folder.File("compose.yml", "services: { app: { image: busybox, configs: [a] } }\nconfigs: { a: { file: link.txt } }\n");
        File.CreateSymbolicLink(folder.At("link.txt"), secret);
        Assert.Contains("link.txt lies outside of the recipe", Problems(), StringComparison.Ordinal);
        folder.File("compose.yml", $"services: {{ app: {{ image: busybox, env_file: {secret} }} }}\n");
        Assert.Contains("lies outside of the recipe", Problems(), StringComparison.Ordinal);
        folder.File("compose.yml", $"services: {{ app: {{ extends: {{ file: {outside.File("c.yml", "services: { x: { image: a } }")}, service: x }} }} }}\n");
        Assert.Contains("lies outside of the recipe", Problems(), StringComparison.Ordinal);
        folder.File("compose.yml", "services: { app: { image: busybox } }\n");
        folder.File(".env.sample", $"COMPOSE_FILE={outside.At("c.yml")}\n");
        Assert.Contains("lies outside of the recipe", Problems(), StringComparison.Ordinal);
        File.Delete(folder.At(".env.sample"));
        File.CreateSymbolicLink(folder.At(".env.sample"), secret);
        Assert.Contains("lies outside of the recipe", Problems(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_device_or_a_file_without_end_is_not_read()
    {
        folder.File("compose.yml", "services: { app: { image: busybox, configs: [a] } }\nconfigs: { a: { file: large.bin } }\n");
        using (var large = new FileStream(folder.At("large.bin"), FileMode.Create))
        {
            large.SetLength(20 << 20);
        }

        Assert.Contains("larger than 10 MB", Problems(), StringComparison.Ordinal);
        File.Delete(folder.At("large.bin"));
        using var made = System.Diagnostics.Process.Start("mkfifo", folder.At("large.bin"));
        made.WaitForExit();
        Assert.Contains("no ordinary file", Problems(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_main_service_is_app_else_the_only_one_else_the_one_with_a_proxy()
    {
        folder.File("compose.yml", "services:\n  db: { image: a }\n  web: { image: b, deploy: { labels: { traefik.http.services.x.loadbalancer.server.port: 80 } } }\n");
        Assert.Equal("web", Read().Main.Name);
        folder.File("compose.yml", "services:\n  db: { image: a }\n  web: { image: b }\n");
        Assert.Equal("db", Read().Main.Name);
        Assert.Contains(Read().Warnings, w => w.Contains("no service is called `app`", StringComparison.Ordinal));
        folder.File("compose.yml", "services:\n  db: { image: a }\n  app: { image: b }\n");
        Assert.Equal("app", Read().Main.Name);
    }

    [Theory]
    [InlineData("    deploy: { labels: [ \"coop-cloud.${STACK_NAME}.version=1.0.0\" ] }", "1.0.0")]
    [InlineData("    deploy: { labels: { coop-cloud.kv.version: \"1.0.0+2\" } }", "1.0.0+2")]
    [InlineData("    deploy: { labels: [ \"coop-cloud.${STACK_NAME}.version=\" ] }", null)]
    [InlineData("    deploy: { labels: [ \"coop-cloud.${STACK_NAME}.version\" ] }", null)]
    [InlineData("    labels: [ \"coop-cloud.x.version=1.0.0\" ]", null)]
    [InlineData("", null)]
    public void The_version_is_what_the_label_of_the_main_service_says(string more, string? version)
    {
        var recipe = Simple(more);
        Assert.Equal(version, recipe.VersionLabel);
        Assert.Equal(version ?? "@1a2b", recipe.Facts("@1a2b").Version);
        Assert.Equal(version is null, recipe.Warnings.Any(w => w.Contains("does not say which version it is", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("45", 45)]
    [InlineData("2m", 120)]
    [InlineData("soon", null)]
    [InlineData("0", null)]
    [InlineData("", null)]
    public void The_timeout_label_counts_seconds(string text, int? seconds)
    {
        var recipe = Simple($"    deploy: {{ labels: [ \"coop-cloud.x.timeout={text}\" ] }}");
        Assert.Equal(seconds, (int?)recipe.TimeoutLabel?.TotalSeconds);
        Assert.Equal(seconds ?? 300, (int)recipe.Timeout.TotalSeconds);
    }

    [Fact]
    public void Names_that_are_too_long_for_the_target_are_told_before_the_deploy()
    {
        var name = new string('x', 60);
        folder.File("compose.yml", $"services: {{ app: {{ image: a, configs: [c] }}, {name}: {{ image: b }} }}\nconfigs: {{ c: {{ name: \"${{STACK_NAME}}_{name}_v1\", content: a }} }}\n");
        var told = Problems();
        Assert.Contains($"the name of the service `{name}` on the target would have 68 characters", told, StringComparison.Ordinal);
        Assert.Contains("the name of the config `c` on the target would have 71 characters", told, StringComparison.Ordinal);
    }

    [Fact]
    public void A_config_whose_content_changed_under_one_name_clashes()
    {
        ComposeRecipe With(string content, string version, string driver = "")
        {
            folder.File("compose.yml", $"services: {{ app: {{ image: a, configs: [app-conf] }} }}\nconfigs: {{ app-conf: {{ name: \"${{STACK_NAME}}_c_${{APP_CONF_VERSION}}\", file: c.txt{driver} }} }}\n");
            folder.File("abra.sh", $"export APP_CONF_VERSION={version}\n");
            folder.File("c.txt", content);
            return Read();
        }

        var before = With("a", "v1");
        Assert.Empty(ComposeRecipe.Clashes(before, With("a", "v1")));
        Assert.Empty(ComposeRecipe.Clashes(before, With("b", "v2")));
        var clash = Assert.Single(ComposeRecipe.Clashes(before, With("b", "v1")));
        Assert.Contains("(kv-1a2b_c_v1)", clash, StringComparison.Ordinal);
        Assert.Contains("export APP_CONF_VERSION=v…", clash, StringComparison.Ordinal);
        Assert.Single(ComposeRecipe.Clashes(before, With("a", "v1", ", template_driver: golang")));
    }

    [Fact]
    public void Two_services_that_turn_the_backup_on_are_a_trouble_of_the_backup_alone()
    {
        folder.File("compose.yml", "services:\n  app: { image: a, deploy: { labels: [backupbot.backup=true] } }\n  db: { image: a, deploy: { labels: { backupbot.backup: \"true\" } } }\n");
        Assert.Contains("compose.yml:3:39: both `app` and `db` have `backupbot.backup=true`", Read().Backup!.Trouble!, StringComparison.Ordinal);
        folder.File("compose.yml", "services:\n  app: { image: a, deploy: { labels: [backupbot.backup=true] } }\n  db: { image: a, deploy: { labels: { backupbot.backup: \"false\" } } }\n");
        Assert.Null(Read().Backup!.Trouble);
    }

    [Theory]
    [InlineData("backupbot.backup=maybe", "must be true or false")]
    [InlineData("backupbot.backup.volumes.data.path=../other", "must name paths in the volume")]
    public void A_label_that_says_nothing_is_refused(string label, string what)
    {
        folder.File("compose.yml", $"services: {{ app: {{ image: a, volumes: [\"data:/data\"], deploy: {{ labels: [ \"{label}\" ] }} }} }}\nvolumes: {{ data: }}\n");
        Assert.Contains(what, Problems(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("backupbot.backup.path=/data", "an old one, which today's backups ignore")]
    [InlineData("backupbot.backup.volumes.dta=false", "did you mean `data`?")]
    [InlineData("backupbot.backup.pre-hook=", "nothing runs")]
    [InlineData("backupbot.bakup=x", "none that backups know")]
    [InlineData("backupbot.backup.volumes.data.path=", "the whole volume is backed up")]
    public void A_label_that_is_left_aside_is_told(string label, string what)
    {
        folder.File("compose.yml", $"services: {{ app: {{ image: a, volumes: [\"data:/data\"], deploy: {{ labels: [ backupbot.backup=true, \"{label}\" ] }} }} }}\nvolumes: {{ data: }}\n");
        var recipe = Read();
        Assert.Contains(recipe.Warnings, w => w.Contains(what, StringComparison.Ordinal));
        Assert.Equal(["data"], recipe.Backup!.Volumes.Keys);
    }

    [Fact]
    public void Volumes_of_other_owners_are_neither_ours_nor_in_the_backup()
    {
        folder.File("compose.yml", "services: { app: { image: a, volumes: [\"data:/data\", \"shared:/shared\"], deploy: { labels: [ backupbot.backup=true ] } } }\nvolumes: { data: , shared: { external: true }, unused: }\n");
        Assert.Equal(["data"], Read().Facts().Volumes);
        Assert.Equal(["data"], Read().Backup!.Volumes.Keys);
    }

    [Fact]
    public void A_test_that_is_taken_back_by_disable_is_refused_and_by_NONE_is_not()
    {
        folder.File("compose.yml", "services: { app: { image: a, healthcheck: { test: [CMD, x], disable: true } } }\n");
        Assert.Contains("take the test back with `test: [\"NONE\"]`", Problems(), StringComparison.Ordinal);
        folder.File("compose.yml", "services: { app: { image: a, healthcheck: { test: [NONE], start_period: 0s } } }\n");
        Assert.False(Read().Main.Compose.Health!.Asks);
        Assert.Contains(Read().Warnings, w => w.Contains("`start_period: 0s` means that none is set", StringComparison.Ordinal));
    }

    [Fact]
    public void What_a_service_says_decides_its_definition_and_nothing_else_does()
    {
        string Of(string text)
        {
            folder.File("compose.yml", text);
            return Read().Facts().Services[0].Definition;
        }

        var same = Of("services: { app: { image: \"a:1\", environment: { A: x } } }");
        Assert.Equal(same, Of("# a comment\nservices:\n  app:\n    environment: [A=x]\n    image: a:1\n"));
        Assert.NotEqual(same, Of("services: { app: { image: \"a:2\", environment: { A: x } } }"));
        Assert.NotEqual(same, Of("services: { app: { image: \"a:1\", environment: { A: y } } }"));
        Assert.NotEqual(same, Of("services: { app: { image: \"a:1\", environment: { A: x }, volumes: [\"d:/d\"] } }\nvolumes: { d: }"));
    }

    [Fact]
    public void Secrets_are_random_kept_to_the_deployment_and_private()
    {
        Real();
        using var run = new TemporaryFolder();
        var recipe = Read(exports: new Dictionary<string, string> { ["SECRET_API_KEY"] = "given" });
        var secrets = new RunSecrets(run);
        Assert.Empty(secrets.Values);
        var value = secrets.ValueOf(recipe.Secrets[0]);
        Assert.Equal(24, value.Length);
        Assert.Equal(value, new RunSecrets(run).ValueOf(recipe.Secrets[0]));
        Assert.Equal("given", secrets.ValueOf(recipe.Secrets[1]));
        Assert.NotEqual(value, new RunSecrets(run.At("other")).ValueOf(recipe.Secrets[0]));
        Assert.Equal([value, "given"], secrets.Values.OrderByDescending(v => v.Length));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(secrets.FileOf(recipe.Secrets[0])));
        Assert.DoesNotContain(value, recipe.Secrets[0].ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("length=12", 12, "abcXYZ019", true)]
    [InlineData("charset=hex length=8", 8, "0123456789abcdef", true)]
    [InlineData("charset=default,special", 32, "aZ0!@#$%^&*_-+=", true)]
    [InlineData("generate=false", 32, "a", false)]
    [InlineData("this one is for the database", 32, "a", true)]
    public void How_a_secret_is_made_stands_behind_its_version(string comment, int length, string among, bool generated)
    {
        var warnings = new List<string>();
        var maker = SecretMaker.Parse(comment, ".env.sample:1:1", warnings);
        Assert.Empty(warnings);
        Assert.Equal((length, generated), (maker.Length, maker.IsGenerated));
        Assert.All(among, c => Assert.Contains(c, maker.Charset));
        var made = maker.Make();
        Assert.Equal(length, made.Length);
        Assert.All(made, c => Assert.Contains(c, maker.Charset));
    }

    [Theory]
    [InlineData("length=0")]
    [InlineData("length=-1")]
    [InlineData("length=99999")]
    [InlineData("charset=emoji")]
    [InlineData("lenght=12")]
    public void What_is_not_understood_of_it_is_told(string comment)
    {
        var warnings = new List<string>();
        Assert.Equal(32, SecretMaker.Parse(comment, ".env.sample:1:1", warnings).Length);
        Assert.Single(warnings);
    }

    [Theory]
    [InlineData("export A=v1", "A=v1")]
    [InlineData("export A=v1 B=v2", "A=v1 B=v2")]
    [InlineData("export A='v $X' # why", "A=v $X")]
    [InlineData("export A=v1\nexport B=\"${A}-x\"", "A=v1 B=v1-x")]
    [InlineData("export A=\"a\\\"b\"; rm -rf /", "A=a\"b")]
    [InlineData("  export A=v1", "")]
    [InlineData("export A=$(rm -rf /)", "")]
    [InlineData("export A=`id`", "")]
    [InlineData("export A=\"x$(id)\" B=2", "")]
    [InlineData("exports A=1\nexport\nexport A\nexport -f x\nexport =3", "")]
    [InlineData("export A='never closed", "A=never closed")]
    [InlineData("export A=${", "")]
    [InlineData("export A=$OUTER", "A=outer")]
    [InlineData("export A=v1\r\nexport B=v2\r\n", "A=v1 B=v2")]
    public void Shell_settings_are_read_without_running_anything(string text, string expected) =>
        Assert.Equal(expected, string.Join(' ', ShellSettings.Exports(text, "abra.sh", n => n == "OUTER" ? "outer" : null, []).Select(e => $"{e.Key}={e.Value}")));

    [Fact]
    public void Whatever_stands_in_the_settings_they_are_read_or_refused_with_a_place() => Check.One(Config.QuickThrowOnFailure.WithMaxTest(1000), Prop.ForAll(
        (from sample in Lines from shell in Lines select (sample, shell)).ToArbitrary(), both =>
        {
            folder.File("compose.yml", "services: { app: { image: busybox } }");
            folder.File(".env.sample", both.sample);
            folder.File("abra.sh", both.shell);
            try
            {
                Assert.Equal("kv-1a2b", Read().Env["STACK_NAME"]);
            }
            catch (LapException e)
            {
                Assert.All(e.Problems, p => Assert.NotNull(p.Where));
            }
        }));

    private static readonly Gen<string> Lines = Gen.OneOf(
        ArbMap.Default.GeneratorFor<string>().Select(s => (s ?? "").Replace("\ud800", "", StringComparison.Ordinal)),
        Gen.ListOf(Gen.Elements(
            "A=1", "export A=\"$B\"", "SECRET_X_VERSION=v1 # length=3", "SECRET__VERSION= #", "B='", "C=\"x", "COMPOSE_FILE=compose.yml", "COMPOSE_FILE=\"$COMPOSE_FILE:x\"", "${", "=", "#", "export", "D=${A:?no}", "STACK_NAME=evil", "A B=3",
            "E=$((1))", "export F='$A'\\", "DOMAIN=x", "\t", "SECRET_X_VERSION=\"v1\"#length=")).Select(l => string.Join('\n', l)));

    private static string Lane(ComposeRecipe recipe, bool startInterval = false) => FastLane.Overlay(recipe, startInterval).Overlay?.ReplaceLineEndings("\n") ?? "";

    [Fact]
    public void The_fast_lane_asks_more_often_and_lets_nothing_be_killed_sooner()
    {
        Real();
        var recipe = Read();
        Assert.Equal(
            """
            services:
              "app":
                healthcheck:
                  interval: 1s
                  start_period: 360s
                deploy:
                  update_config:
                    monitor: 500ms
              "db":
                healthcheck:
                  interval: 1s
                  start_period: 90s
                deploy:
                  update_config:
                    monitor: 500ms

            """, Lane(recipe));
        Assert.Contains("start_interval: 250ms", Lane(recipe, startInterval: true), StringComparison.Ordinal);
        var notes = FastLane.Overlay(recipe).Notes;
        Assert.Equal(4, notes.Count);
        Assert.Equal("app: its health is asked every 1.00 s instead of 30.0 s, with a grace of 6 m 00 s instead of 1 m 00 s so that nothing is killed sooner", notes[0]);

        using var lane = new TemporaryFolder();
        var fast = Read(overlays: [lane.File("fast.yml", Lane(recipe))]);
        var health = fast.Main.Compose.Health!;
        Assert.Equal((TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(360), 10, recipe.Main.Compose.Health!.Test.Count), (health.Interval, health.StartPeriod, health.Retries, health.Test.Count));
        Assert.Equal("", Lane(fast));
    }

    [Theory]
    [InlineData("healthcheck: { test: [NONE] }")]
    [InlineData("healthcheck: { disable: true }")]
    [InlineData("healthcheck: { test: [CMD, x], interval: 500ms }")]
    [InlineData("healthcheck: { test: [CMD, x], interval: 1s }")]
    [InlineData("healthcheck: { interval: 30s }")]
    public void The_fast_lane_leaves_alone_what_has_no_test_of_its_own_or_is_fast_already(string health) =>
        Assert.DoesNotContain("healthcheck", Lane(Simple("    " + health)), StringComparison.Ordinal);

    [Fact]
    public void The_fast_lane_has_nothing_to_say_of_a_recipe_that_is_fast_already()
    {
        var overlay = FastLane.Overlay(Simple("    deploy: { update_config: { monitor: 200ms } }"));
        Assert.Null(overlay.Overlay);
        Assert.Empty(overlay.Notes);
        Assert.Null(FastLane.Overlay(Simple("    deploy: { mode: replicated-job }")).Overlay);
    }

    [Fact]
    public void Grace_never_shrinks_whatever_the_check_is() => Check.One(Config.QuickThrowOnFailure.WithMaxTest(300), Prop.ForAll(
        (from interval in Gen.Choose(100, 120_000) from retries in Gen.Choose(1, 40) from grace in Gen.Choose(0, 300_000) select (interval, retries, grace)).ToArbitrary(), check =>
        {
            using var lane = new TemporaryFolder();
            var recipe = Simple($"    healthcheck: {{ test: [CMD, x], interval: {check.interval}ms, retries: {check.retries}, start_period: {check.grace}ms }}");
            var fast = Lane(recipe) is { Length: > 0 } text ? Read(overlays: [lane.File("fast.yml", text)]).Main.Compose.Health! : recipe.Main.Compose.Health!;
            var published = check.grace + (check.interval * (double)check.retries);
            Assert.True((fast.StartPeriod!.Value + (fast.Interval!.Value * fast.Retries!.Value)).TotalMilliseconds >= published);
        }));
}
