using Laptime.Foundations;
using Laptime.Workspaces.Compose;

namespace Laptime.Tests.Workspaces.Compose;

/// <summary><c>include</c> as the compose specification has it: models of their own, copied in, never silently joined.</summary>
public sealed class ComposeIncludeTests : IDisposable
{
    private readonly TemporaryWorkspace folder = new("db/", "db/data/", "shared/");

    public void Dispose() => folder.Dispose();

    [Fact]
    public void What_is_included_is_copied_in_with_its_paths_where_they_were_written()
    {
        folder.Add("db/compose.yml", """
            name: not-ours
            services:
              db:
                build: { dockerfile: Db }
                volumes: [ './data:/data', 'kept:/kept', '/abs:/abs' ]
                configs: [ app ]
                env_file: db.env
                networks: [ back ]
              tool: { build: ../shared, profiles: [ tools ] }
            networks: { back: }
            volumes: { kept: }
            configs: { app: { file: app.conf } }
            """);
        folder.Add("db/app.conf", "from db");
        folder.Add("db/db.env", "FROM=db");
        var project = Read("""
            include: [ db/compose.yml ]
            services:
              web: { image: x, depends_on: [ db ], networks: [ back ] }
            """);
        Assert.Equal(["web", "db"], project.Services.Select(s => s.Name));
        var db = project.Find("db")!;
        Assert.Equal(("./db", "Db", "db"), (db.Build!.Context, db.Build.Dockerfile, db.Environment["FROM"]));
        Assert.Equal([At("db/data"), "kept", "/abs"], db.Mounts.Select(m => m.Source));
        Assert.Equal("from db", System.Text.Encoding.UTF8.GetString(Assert.Single(project.Configs).Content!));
        Assert.Null(project.Name);
        Assert.Equal([At("compose.yml")], project.Files);
        Assert.Equal([At("compose.yml"), At("db/app.conf"), At("db/compose.yml"), At("db/db.env")], project.Sources.Order(StringComparer.Ordinal));
        Assert.Equal([At(".env"), At("db/.env")], project.Missing.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Its_variables_are_its_own_but_for_those_that_stand_where_it_is_included()
    {
        folder.Add("db/.env", "A=inner\nB=inner\nOUTSIDE=inner\nTOKEN=secret");
        folder.Add("db/compose.yml", "services: { db: { image: '$A-$B-$OUTSIDE' } }\nsecrets: { key: { environment: TOKEN } }");
        folder.Add(".env", "A=outer");
        var project = Read("include: [ db/compose.yml ]\nservices: { web: { image: 'w${B:-none}' } }");
        Assert.Equal("outer-inner-outside", project.Find("db")!.Image);
        Assert.Equal("wnone", project.Find("web")!.Image);
        Assert.Equal("secret", System.Text.Encoding.UTF8.GetString(Assert.Single(project.Secrets).Content!));
        Assert.Contains("A", project.Variables);
        Assert.Contains("OUTSIDE", project.Variables);
    }

    [Fact]
    public void The_long_form_names_files_that_are_joined_a_folder_and_files_of_variables()
    {
        folder.Add("shared/base.yml", "services: { db: { image: 'db:$V', volumes: [ './d:/d' ], environment: { A: '1', B: '1' } } }");
        folder.Add("db/more.yml", "services: { db: { environment: { B: '2' } } }");
        folder.Add("a.env", "V=1");
        folder.Add("b.env", "V=2");
        var project = Read("""
            include:
              - path: [ shared/base.yml, db/more.yml ]
                project_directory: db
                env_file: [ a.env, b.env ]
            services: { web: { image: x } }
            """);
        var db = project.Find("db")!;
        Assert.Equal(("db:2", At("db/d"), "1", "2"), (db.Image, db.Mounts[0].Source, db.Environment["A"], db.Environment["B"]));
    }

    [Fact]
    public void Includes_may_include_and_the_same_file_twice_is_one()
    {
        folder.Add("shared/net.yml", "networks: { back: { labels: { a: b } } }\nservices: { log: { image: log, volumes: [ './l:/l' ] } }");
        folder.Add("db/compose.yml", "include: [ ../shared/net.yml ]\nservices: { db: { image: x, networks: [ back ] } }");
        var project = Read("include:\n  - db/compose.yml\n  - shared/net.yml\n");
        Assert.Equal(["db", "log"], project.Services.Select(s => s.Name).Order());
        Assert.Equal(At("shared/l"), project.Find("log")!.Mounts[0].Source);
    }

    [Fact]
    public void A_later_file_changes_what_is_included_and_a_service_extends_it()
    {
        folder.Add("db/compose.yml", "services: { db: { image: x, environment: { A: '1' }, volumes: [ './d:/d' ] } }");
        folder.Add("compose.yml", "include: [ db/compose.yml ]\nservices: { other: { extends: { service: db } } }");
        folder.Add("over.yml", "services: { db: { environment: { B: '2' } } }");
        var project = ComposeFile.Read([At("compose.yml"), At("over.yml")], _ => null);
        Assert.Equal(["A=1", "B=2"], project.Find("db")!.Environment.Select(e => $"{e.Key}={e.Value}"));
        Assert.Equal(At("db/d"), project.Find("other")!.Mounts[0].Source);
    }

    [Theory]
    [InlineData("include: [ gone.yml ]", "compose.yml:1:12", "the file `gone.yml` does not exist")]
    [InlineData("include: [ db ]", "compose.yml:1:12", "is a folder")]
    [InlineData("include: [ 'https://example.com/c.yml' ]", "compose.yml:1:12", "is no file")]
    [InlineData("include: db/compose.yml", "compose.yml:1:10", "`include` must be a list")]
    [InlineData("include: [ { pth: a.yml } ]", "compose.yml:1:14", "`include` has no `pth`")]
    [InlineData("include: [ { path: db/compose.yml, env_file: no.env } ]", "compose.yml:1:46", "the file `no.env` does not exist")]
    [InlineData("include: [ db/compose.yml ]\nservices:\n  db: { image: y }", "compose.yml:3:3", "service `db` is another one in what is included (db/compose.yml:1:13)")]
    [InlineData("include: [ db/compose.yml ]\nnetworks: { n: { driver: overlay } }\nservices: { a: { image: x } }", "compose.yml:2:13", "network `n` is another one in what is included")]
    [InlineData("include: [ compose.yml ]", "compose.yml:1:12", "files include each other: compose.yml → compose.yml")]
    [InlineData("include: [ db/circle.yml ]", "db/circle.yml:1:12", "files include each other: compose.yml → db/circle.yml → compose.yml")]
    public void Mistakes_are_told_at_their_place(string written, string where, string what)
    {
        folder.Add("db/compose.yml", "services: { db: { image: x } }\nnetworks: { n: { driver: bridge } }");
        folder.Add("db/circle.yml", "include: [ ../compose.yml ]");
        var problem = Assert.Single(Assert.Throws<LapException>(() => Read(written)).Problems);
        Assert.EndsWith(where, problem.Where, StringComparison.Ordinal);
        Assert.Contains(what.Split(" (")[0], problem.What, StringComparison.Ordinal);
        Assert.NotNull(problem.Mend);
    }

    [Fact]
    public void Files_that_double_at_every_step_end_somewhere()
    {
        for (var i = 0; i < 30; i++)
        {
            folder.Add($"f{i}.yml", $"include: [ f{i + 1}.yml, f{i + 1}.yml ]");
        }

        folder.Add("f30.yml", "services: { a: { image: x } }");
        Assert.Contains("files are included", Assert.Throws<LapException>(() => Read("include: [ f0.yml ]")).Problems[0].What, StringComparison.Ordinal);
    }

    private string At(string name) => Path.Combine(folder.Root, name);

    private ComposeProject Read(string text)
    {
        folder.Add("compose.yml", text);
        return ComposeFile.Read([At("compose.yml")], name => name == "OUTSIDE" ? "outside" : null);
    }
}
