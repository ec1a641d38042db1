using System.Text;
using Laptime.Foundations;
using Laptime.Workspaces;

namespace Laptime.Tests.Workspaces;

public sealed class WorkspaceFileTests
{
    private const string Small = "name: shop\ncomponents:\n  app: { path: app }\n";

    [Fact]
    public void The_file_is_found_from_a_folder_below_it()
    {
        using var folder = new TemporaryWorkspace("a/b/c/");
        folder.Add("laptime.yml", Small);
        Assert.Equal(Path.Combine(folder.Root, "laptime.yml"), WorkspaceFile.Find(Path.Combine(folder.Root, "a/b/c")));
        folder.Add("a/laptime.yaml", Small);
        Assert.Equal(Path.Combine(folder.Root, "a/laptime.yaml"), WorkspaceFile.Find(Path.Combine(folder.Root, "a/b/c")));
    }

    [Fact]
    public void Without_a_file_nothing_is_found()
    {
        using var folder = new TemporaryWorkspace("a/laptime.yaml/", "b/");
        Assert.Null(WorkspaceFile.Find(Path.Combine(folder.Root, "a")));
        Assert.Null(WorkspaceFile.Find(Path.Combine(folder.Root, "no/such/folder")));
    }

    [Fact]
    public void Two_files_in_one_folder_are_refused()
    {
        using var folder = new TemporaryWorkspace("app/");
        folder.Add("laptime.yml", Small);
        Assert.Contains("both here", folder.Problems(Small).Single().What);
    }

    [Fact]
    public void Several_mistakes_are_told_at_once_in_the_order_of_the_file()
    {
        using var folder = new TemporaryWorkspace("app/");
        var problems = folder.Problems("""
            name: my shop
            components:
              app:
                path: ap
                uses: [ap]
                run: { command: "x ${nope}", port: 010, drain: 5 }
                probes: { redy: {} }
              app: {}
            environmets: {}
            """);
        Assert.Equal(["1:7", "4:11", "5:12", "6:24", "6:40", "6:52", "7:15", "8:3", "9:1"], problems.Select(folder.Place));
        Assert.All(problems, p => Assert.NotNull(p.Mend));
    }

    [Fact]
    public void A_file_of_garbage_does_not_print_a_book()
    {
        using var folder = new TemporaryWorkspace();
        var problems = folder.Problems(string.Concat(Enumerable.Range(0, 5000).Select(i => $"key{i}: x\n")));
        Assert.Equal(51, problems.Count);
        Assert.Contains("only the first 50", problems[^1].What);
    }

    [Fact]
    public void A_file_below_the_current_folder_is_shown_relative_to_it()
    {
        var here = Directory.GetCurrentDirectory();
        var folder = Directory.CreateDirectory(Path.Combine(here, "shown-" + Guid.NewGuid().ToString("N")));
        try
        {
            File.WriteAllText(Path.Combine(folder.FullName, "laptime.yaml"), "nam: x");
            var problems = Assert.Throws<LapException>(() => WorkspaceFile.Load(Path.Combine(folder.FullName, "laptime.yaml"), _ => null)).Problems;
            Assert.Contains(problems, p => p.Where == Path.Combine(folder.Name, "laptime.yaml") + ":1:1");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Theory]
    [InlineData("\uFEFFname: shop\r\ncomponents:\r\n  app:\r\n    path: app\r\n")]
    [InlineData("---\nname: shop\ncomponents: { app: { path: app } }\n...\n")]
    [InlineData("%YAML 1.2\n---\nname: shop\ncomponents: { app: { path: app } }")]
    [InlineData("{ \"name\": \"shop\", \"components\": { \"app\": { \"path\": \"app\" } } }")]
    [InlineData("name: >-\n  shop\ncomponents:\n  app:\n    path: app/\n")]
    [InlineData("name: 'shop'\ncomponents:\n  app:\n    path: ./app/../app/.\n")]
    public void Byte_order_marks_line_ends_and_styles_do_not_matter(string text)
    {
        using var folder = new TemporaryWorkspace("app/");
        var workspace = folder.Load(text);
        Assert.Equal(("shop", "app"), (workspace.Name, workspace.Components.Single().Path));
        Assert.Equal(["**"], workspace.Components[0].Inputs);
    }

    [Fact]
    public void What_is_not_UTF_8_is_refused_at_its_place()
    {
        using var folder = new TemporaryWorkspace();
        (string Text, byte[] Bytes, string Place)[] cases =
        [
            ("not UTF-8", [.. "name: a\nx: ü"u8, 0xC3, 0x28], "2:5"),
            ("UTF-16", Encoding.Unicode.GetPreamble(), "1:1"),
            ("UTF-16", Encoding.BigEndianUnicode.GetPreamble(), "1:1"),
        ];
        foreach (var (text, bytes, place) in cases)
        {
            File.WriteAllBytes(folder.File, bytes);
            var problem = Assert.Throws<LapException>(() => WorkspaceFile.Load(folder.File, _ => null)).Problems.Single();
            Assert.Contains(text, problem.What);
            Assert.Equal(place, folder.Place(problem));
        }
    }

    [Fact]
    public void A_file_that_cannot_be_read_says_so()
    {
        using var folder = new TemporaryWorkspace("folder/");
        (string Path, string What)[] cases = [("nothing.yaml", "does not exist"), ("no/folder/x.yaml", "does not exist"), ("folder", "is a folder")];
        foreach (var (path, what) in cases)
        {
            var problem = Assert.Throws<LapException>(() => WorkspaceFile.Load(Path.Combine(folder.Root, path), _ => null)).Problems.Single();
            Assert.Contains(what, problem.What);
            Assert.NotNull(problem.Where);
            Assert.NotNull(problem.Mend);
        }
    }

    [Fact]
    public void A_file_larger_than_ten_megabytes_is_refused()
    {
        using var folder = new TemporaryWorkspace();
        using (var file = File.Create(folder.File))
        {
            file.SetLength(10 * 1024 * 1024 + 1);
        }

        var problem = Assert.Throws<LapException>(() => WorkspaceFile.Load(folder.File, _ => null)).Problems.Single();
        Assert.Contains("10 MB", problem.What);
    }

    [Theory]
    [InlineData("[")]
    [InlineData("{a: ")]
    [InlineData("- ")]
    public void Input_nested_a_hundred_thousand_times_is_refused(string open)
    {
        using var folder = new TemporaryWorkspace();
        var problem = folder.Problems("x-deep: \n " + string.Concat(Enumerable.Repeat(open, 100_000))).Single();
        Assert.Contains("nested deeper than 64 levels", problem.What);
    }

    [Fact]
    public void A_long_key_and_many_components_are_no_trouble()
    {
        using var folder = new TemporaryWorkspace();
        Assert.Contains("unknown key", folder.Problems($"name: x\ncomponents: {{ a: {{}} }}\n? {new string('k', 1000_000)}\n: 1\n").Single().What);
        Assert.Equal(51, folder.Problems($"name: x\ncomponents: {{ a: {{ run: \"{string.Concat(Enumerable.Repeat("${x}", 300_000))}\" }} }}").Count);
        Assert.Equal(200_000, folder.Load($"name: x\ncomponents: {{ a: {{ inputs: [{string.Join(',', Enumerable.Range(0, 200_000).Select(i => "f" + i))}] }} }}").Components[0].Inputs.Count);
        var chain = string.Concat(Enumerable.Range(0, 5000).Select(i => $"  c{i}: {{ path: ., needs: [c{i + 1}] }}\n"));
        Assert.Equal(5001, folder.Load("name: x\ncomponents:\n" + chain + "  c5000: { path: . }\n").Components.Count);
    }

    [Fact]
    public void Without_environments_there_is_a_local_one_with_the_first_profile()
    {
        using var folder = new TemporaryWorkspace("app/");
        var local = folder.Load(Small).Environments.Single();
        Assert.Equal(("local", TargetKind.Process, Loop.Fast, null), (local.Name, local.Target, local.Loop, local.Profile));
        Assert.Equal("one", folder.Load(Small + "profiles: { one: {}, two: {} }").Environments.Single().Profile);
        Assert.Equal("local", folder.Load(Small + "environments: {}").Environments.Single().Name);
    }

    [Fact]
    public void Every_default_is_what_the_reference_says()
    {
        using var folder = new TemporaryWorkspace();
        var workspace = folder.Load("name: x\ncomponents:\n  a: { build: { steps: { name: s, run: make } }, run: { command: [./a, b c], port: 1 }, probes: { live: { tcp: 9 }, ready: { tcp: \"${port}\" }, smoke: { file: ok }, reflect: { run: [x] } } }\n");
        var component = workspace.Components.Single();
        Assert.Equal("", component.Path);
        var step = component.Build.Steps.Single();
        Assert.Equal((StepKind.Other, TimeSpan.FromMinutes(30), null, null), (step.Kind, step.Timeout, step.Inputs, step.Tool));
        Assert.Empty(step.Loops);
        var run = component.Run!;
        Assert.Equal((1, TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(5)), (run.Replicas, run.StopGrace, run.Drain));
        Assert.Equal(["./a", "b c"], ((CommandLine.Exec)run.Command).Arguments.Select(a => a.Source));
        Assert.Equal(9, ((ProbeForm.Tcp)component.Probes.Live!.Form).Port);
        Assert.Null(((ProbeForm.Tcp)component.Probes.Ready!.Form).Port);
        Assert.Equal([30, 30, 60, 10], new[] { component.Probes.Live, component.Probes.Ready, component.Probes.Smoke.Single(), component.Probes.Reflect! }.Select(p => (int)p.Timeout.TotalSeconds));
        Assert.Equal((TimeSpan.FromMilliseconds(100), 1), (component.Probes.Ready.Poll, component.Probes.Ready.Successes));
        Assert.Equal((".laptime/artifacts", ".laptime/journal.db"), (workspace.Artifacts.Store, workspace.Journal.Store));
    }

    [Fact]
    public void Every_value_that_is_written_arrives()
    {
        using var folder = new TemporaryWorkspace("ctx/");
        var component = folder.Load("""
            name: x
            components:
              a:
                build:
                  image: { dockerfile: docker/File, context: ctx, target: final }
                  steps:
                    - { name: s, kind: package, run: make, tool: [make, -v], timeout: 1m30s, loops: [safe, fast], env: { A: "", B: 010, C: "${env.X}" } }
                run: { port: 80, env: { D: yes }, replicas: 3, stop-grace: 0s, drain: 1500ms }
                probes:
                  ready: { http: "/h?x=${revision}", status: 204, contains: ok, headers: { Accept: text/plain }, timeout: 2m, poll: 1s, successes: 4 }
            """).Components.Single();
        Assert.Equal(new ImageSettings("docker/File", "ctx", "final"), component.Build.Image);
        var step = component.Build.Steps.Single();
        Assert.Equal((StepKind.Package, 90), (step.Kind, step.Timeout.TotalSeconds));
        Assert.Equal([Loop.Safe, Loop.Fast], step.Loops);
        Assert.IsType<CommandLine.Exec>(step.Tool);
        Assert.Equal(["", "010", "${env.X}"], step.Env.Values.Select(v => v.Source));
        Assert.Empty(((CommandLine.Exec)component.Run!.Command).Arguments);
        Assert.Equal("yes", component.Run.Env["D"].Resolve(_ => null));
        Assert.Equal((3, 0.0, 1.5), (component.Run.Replicas, component.Run.StopGrace.TotalSeconds, component.Run.Drain.TotalSeconds));
        var ready = component.Probes.Ready!;
        var http = (ProbeForm.Http)ready.Form;
        Assert.Equal((204, "ok", "text/plain"), (http.Status, http.Contains!.Source, http.Headers["Accept"].Source));
        Assert.Equal((120.0, 1.0, 4), (ready.Timeout.TotalSeconds, ready.Poll.TotalSeconds, ready.Successes));
    }

    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("", "")]
    [InlineData("a ${env.X} b", "a [env.X] b")]
    [InlineData("${env.X}${environment}", "[env.X][environment]")]
    [InlineData("$${env.X}", "${env.X}")]
    [InlineData("$$${env.X}", "$${env.X}")]
    [InlineData("a $${ ${env.X} $$ $X $", "a ${ [env.X] $$ $X $")]
    [InlineData("}${env.X}}", "}[env.X]}")]
    public void Templates_are_split_and_put_together_again(string text, string resolved)
    {
        using var folder = new TemporaryWorkspace();
        var template = folder.Load($"name: x\ncomponents: {{ a: {{ run: {{ command: x, env: {{ T: \"{text}\" }} }} }} }}").Components[0].Run!.Env["T"];
        Assert.Equal(text, template.Source);
        Assert.Equal(resolved, template.Resolve(name => $"[{name}]"));
    }

    [Fact]
    public void A_store_may_hold_a_secret_from_the_environment()
    {
        using var folder = new TemporaryWorkspace("app/");
        var workspace = folder.Load(Small + "journal: { store: \"postgres://u:${env.PW}@h/db\" }\nartifacts: { store: \"oci://${env.HOST}/x\" }\n", n => n == "PW" ? "p${x}w" : "h:5");
        Assert.Equal("postgres://u:p${x}w@h/db", workspace.Journal.Store);
        Assert.Equal("oci://h:5/x", workspace.Artifacts.Store);
    }

    [Fact]
    public void A_variable_of_a_profile_is_asked_only_of_the_environments_that_run_the_step()
    {
        using var folder = new TemporaryWorkspace();
        var file = "name: x\nprofiles: { p: { vars: { c: 1 } }, q: {} }\nenvironments: { one: { profile: p, loop: safe }, two: { profile: q } }\ncomponents: { a: { build: { steps: { name: s, run: \"x ${profile.c}\", loops: LOOP } } } }";
        folder.Load(file.Replace("LOOP", "safe"));
        Assert.Contains("environment `two`", folder.Problems(file.Replace("LOOP", "fast")).Single().What);
    }

    [Fact]
    public void Inside_a_git_repository_paths_may_climb_to_its_top_and_no_further()
    {
        using var folder = new TemporaryWorkspace(".git/", "proto/", "work/app/", "lib/");
        folder.Add("work/laptime.yaml", "name: x\ncomponents:\n  a: { path: app, inputs: [\"**\", ../../proto/**, \"!../../proto/x/\"] }\n  b: { path: ../lib }\n");
        var workspace = WorkspaceFile.Load(Path.Combine(folder.Root, "work/laptime.yaml"), _ => null);
        Assert.Equal(["**", "../../proto/**", "!../../proto/x/**"], workspace.Components[0].Inputs);
        Assert.Equal("../lib", workspace.Components[1].Path);
        folder.Add("work/laptime.yaml", "name: x\ncomponents:\n  a: { path: app, inputs: ../../../x }\n  b: { path: ../.. }\n");
        var problems = Assert.Throws<LapException>(() => WorkspaceFile.Load(Path.Combine(folder.Root, "work/laptime.yaml"), _ => null)).Problems;
        Assert.All(problems, p => Assert.Contains("leaves the git repository", p.What));
        Assert.Equal(2, problems.Count);
    }

    [Fact]
    public void A_link_inside_the_repository_is_a_fine_path()
    {
        using var folder = new TemporaryWorkspace("app/");
        Directory.CreateSymbolicLink(Path.Combine(folder.Root, "link"), "app");
        Assert.Equal("link", folder.Load("name: x\ncomponents: { a: { path: link } }").Components.Single().Path);
    }

    [Fact]
    public void A_link_that_leads_nowhere_is_no_folder()
    {
        using var folder = new TemporaryWorkspace();
        Directory.CreateSymbolicLink(Path.Combine(folder.Root, "one"), "two");
        Directory.CreateSymbolicLink(Path.Combine(folder.Root, "two"), "one");
        Assert.Contains("is a link that leads nowhere", folder.Problems("name: x\ncomponents: { a: { path: one } }").Single().What);
    }

    [Fact]
    public void A_text_can_be_checked_as_if_it_stood_in_a_file()
    {
        using var folder = new TemporaryWorkspace("app/");
        Assert.Equal(folder.File, WorkspaceFile.Parse(Small, folder.File, _ => null).File);
        Assert.False(File.Exists(folder.File));
    }
}
