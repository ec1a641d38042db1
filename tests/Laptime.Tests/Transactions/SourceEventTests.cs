using Laptime.Artifacts.Provenance;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Transactions;

namespace Laptime.Tests.Transactions;

/// <summary>On real git repositories, with the variables that CI services set.</summary>
public sealed class SourceEventTests : IDisposable
{
    private static readonly DateTimeOffset Committed = new(2026, 11, 20, 8, 0, 0, TimeSpan.Zero);
    private readonly TemporaryFolder folder = new();
    private readonly ProcessRunner runner = new(TimeProvider.System);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    private async Task<string> Git(params string[] arguments)
    {
        var lines = new List<string>();
        var result = await runner.RunAsync(
            new Command
            {
                Program = "git", Arguments = ["-c", "user.name=a", "-c", "user.email=a@b.invalid", "-c", "commit.gpgsign=false", "-c", "tag.gpgsign=false", "-c", "init.defaultBranch=main", .. arguments], Directory = folder,
                Environment = new Dictionary<string, string?> { ["GIT_COMMITTER_DATE"] = Committed.ToString("O"), ["GIT_CONFIG_GLOBAL"] = "/dev/null", ["GIT_CONFIG_NOSYSTEM"] = "1" },
            },
            line => lines.Add(line.Text), Cancel);
        Assert.True(result.Succeeded, $"git {string.Join(' ', arguments)}: {string.Join('\n', result.Tail)}");
        return lines.Count > 0 ? lines[0] : "";
    }

    /// <summary>A repository with one commit, and a remote.</summary>
    private async Task<string> Repository(string branch = "main")
    {
        await Git("init", "-q", "-b", branch);
        await Git("remote", "add", "origin", "https://dev:hunter2@git.example.org/team/shop.git");
        return await Commit("a");
    }

    private async Task<string> Commit(string file)
    {
        folder.File(file, "1");
        await Git("add", "-A");
        await Git("commit", "-q", "-m", file);
        return await Git("rev-parse", "HEAD");
    }

    private Task<SourceEvent> Find(params (string Name, string Value)[] variables) => Find("", variables);

    private Task<SourceEvent> Find(string below, (string Name, string Value)[] variables) =>
        new SourceEvents(runner, folder.At(below), n => variables.Where(v => v.Name == n).Select(v => v.Value).FirstOrDefault()).FindAsync(Cancel);

    private async Task<Problem> Refused(params (string Name, string Value)[] variables) => (await Assert.ThrowsAsync<LapException>(() => Find(variables))).Problems.Single();

    private static void Is(SourceEvent found, string kind, string reference, string evidence)
    {
        Assert.Equal((kind, reference), (found.Event, found.Ref));
        Assert.Contains(evidence, found.Evidence, StringComparison.Ordinal);
    }

    [Fact]
    public async Task On_the_default_branch_git_alone_says_merge_to_main_and_how_it_knows()
    {
        var commit = await Repository();
        // Whatever this machine's user has set.
        await Git("config", "init.defaultBranch", "no-such-branch");
        var found = await Find();
        Is(found, "merge-to-main", "refs/heads/main", "git: HEAD is refs/heads/main; main is taken for the default branch by its name");
        Assert.Equal((commit, Committed, "git+https://git.example.org/team/shop", false), (found.Commit, found.CommittedAt, found.Repository, found.Dirty));
        Assert.DoesNotContain("hunter2", found.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("trunk", "origin/trunk", null, "merge-to-main", "by refs/remotes/origin/HEAD")]
    [InlineData("main", "origin/trunk", null, "branch", "trunk is the default branch by refs/remotes/origin/HEAD")]
    [InlineData("trunk", null, "trunk", "merge-to-main", "trunk is the default branch by init.defaultBranch")]
    [InlineData("main", null, "trunk", "merge-to-main", "main is taken for the default branch by its name")] // this user's setting, and no such branch here
    [InlineData("master", null, "main", "merge-to-main", "master is taken for the default branch by its name")]
    [InlineData("feature", null, "main", "branch", "git knows no default branch")]
    public async Task The_default_branch_is_what_git_says_it_is(string branch, string? remoteHead, string? configured, string kind, string evidence)
    {
        await Repository(branch);
        if (remoteHead is not null)
        {
            await Git("update-ref", "refs/remotes/" + remoteHead, "HEAD");
            await Git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/" + remoteHead);
        }

        await Git("config", "init.defaultBranch", configured ?? "no-such-branch");
        Is(await Find(), kind, "refs/heads/" + branch, evidence);
    }

    [Fact]
    public async Task A_detached_head_is_its_tag_a_part_of_main_or_a_branch_of_nobody()
    {
        var first = await Repository();
        await Commit("b");
        await Git("checkout", "-q", "--detach", first);
        Is(await Find(), "merge-to-main", "refs/heads/main", "HEAD is detached, and its commit is part of refs/heads/main");
        await Git("tag", "-a", "v1", "-m", "v1");
        Is(await Find(), "tag", "refs/tags/v1", "detached at refs/tags/v1");
        await Commit("c");
        Is(await Find(), "branch", "HEAD", "not part of the default branch");
    }

    [Fact]
    public async Task Another_branch_is_a_branch()
    {
        await Repository();
        await Git("checkout", "-q", "-b", "feature/x");
        Is(await Find(), "branch", "refs/heads/feature/x", "git: HEAD is refs/heads/feature/x");
    }

    [Fact]
    public async Task What_is_not_committed_is_named_anywhere_in_the_repository()
    {
        await Repository();
        folder.File("deploy/laptime.yaml", "x");
        await Commit("deploy/x");
        folder.File("a", "2");
        folder.File("new file.txt", "1");
        folder.File(".gitignore", "ignored\n");
        folder.File("ignored", "1");
        var found = await Find("deploy", []);
        Assert.True(found.Dirty);
        Assert.Equal([".gitignore", "a", "new file.txt"], found.Changed.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Without_a_repository_or_a_commit_the_cure_is_named()
    {
        Assert.Contains("not a git repository", (await Refused()).What, StringComparison.Ordinal);
        await Git("init", "-q");
        var problem = await Refused();
        Assert.Contains("no commit", problem.What, StringComparison.Ordinal);
        Assert.Contains("git commit", problem.Mend, StringComparison.Ordinal);
        File.WriteAllText(folder.At(".git", "HEAD"), "garbage");
        Assert.Contains("git status", (await Refused()).Mend, StringComparison.Ordinal);
    }

    public static TheoryData<string, string, string, string?> GitHub => new()
    {
        { "push", "refs/heads/main", "merge-to-main", "main" },
        { "push", "refs/heads/feature", "branch", "main" },
        { "push", "refs/heads/trunk", "merge-to-main", "trunk" },
        { "push", "refs/heads/main", "branch", "trunk" },
        { "push", "refs/tags/v1", "tag", "main" },
        { "push", "refs/tags/main", "tag", "main" },
        { "release", "refs/tags/v1", "tag", "main" },
        { "workflow_dispatch", "refs/heads/main", "merge-to-main", "main" },
        { "schedule", "refs/heads/main", "merge-to-main", "main" },
        { "pull_request", "refs/pull/7/merge", "pull-request", "main" },
        { "pull_request_target", "refs/heads/main", "pull-request", "main" },
        { "merge_group", "refs/heads/gh-readonly-queue/main/pr-7", "branch", "main" },
        { "push", "refs/heads/main", "merge-to-main", null }, // the event has no repository: git knows main
    };

    [Theory]
    [MemberData(nameof(GitHub))]
    public async Task GitHub_says_event_and_ref(string name, string reference, string kind, string? standard)
    {
        var commit = await Repository();
        using var payload = new TemporaryFolder();
        var found = await Find(
            ("GITHUB_ACTIONS", "true"), ("GITHUB_EVENT_NAME", name), ("GITHUB_REF", reference), ("GITHUB_SHA", commit), ("GITHUB_REPOSITORY", "team/shop"), ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_EVENT_PATH", payload.File("event.json", standard is null ? "[]" : $"{{\"repository\":{{\"default_branch\":\"{standard}\"}}}}")));
        Is(found, kind, reference, $"GITHUB_EVENT_NAME {name}, GITHUB_REF {reference}");
        Assert.Equal("git+https://github.com/team/shop", found.Repository);
    }

    [Theory]
    [InlineData("merge-to-main", "refs/heads/main", "CI_COMMIT_BRANCH=main")]
    [InlineData("branch", "refs/heads/x", "CI_COMMIT_BRANCH=x")]
    [InlineData("tag", "refs/tags/v1", "CI_COMMIT_TAG=v1", "CI_COMMIT_REF_NAME=v1")]
    [InlineData("pull-request", "refs/merge-requests/7/head", "CI_MERGE_REQUEST_IID=7", "CI_COMMIT_REF_NAME=x", "CI_MERGE_REQUEST_REF_PATH=refs/merge-requests/7/head")]
    public async Task GitLab_says_event_and_ref(string kind, string reference, params string[] variables)
    {
        var commit = await Repository();
        var found = await Find([("GITLAB_CI", "true"), ("CI_COMMIT_SHA", commit), ("CI_DEFAULT_BRANCH", "main"), ("CI_PROJECT_URL", "https://gitlab.example.org/team/shop"), .. Pairs(variables)]);
        Is(found, kind, reference, "GitLab: ");
        Assert.Equal("git+https://gitlab.example.org/team/shop", found.Repository);
    }

    [Theory]
    [InlineData("merge-to-main", "refs/heads/main", "GIT_BRANCH=origin/main")]
    [InlineData("merge-to-main", "refs/heads/trunk", "BRANCH_NAME=trunk", "BRANCH_IS_PRIMARY=true")]
    [InlineData("branch", "refs/heads/x", "BRANCH_NAME=x")]
    [InlineData("tag", "refs/tags/v1", "TAG_NAME=v1", "BRANCH_NAME=v1")]
    [InlineData("pull-request", "refs/pull/7/head", "CHANGE_ID=7", "BRANCH_NAME=PR-7")]
    [InlineData("merge-to-main", "refs/heads/main")] // a job that says no branch: git is asked
    public async Task Jenkins_says_event_and_ref(string kind, string reference, params string[] variables)
    {
        var commit = await Repository();
        Is(await Find([("JENKINS_URL", "https://ci.example.org/"), ("GIT_COMMIT", commit), ("GIT_URL", "git@git.example.org:team/shop.git"), .. Pairs(variables)]), kind, reference, "Jenkins: ");
    }

    [Theory]
    [InlineData("tag", "refs/tags/v1", "LAP_SOURCE_REF refs/tags/v1", "LAP_SOURCE_REF=refs/tags/v1")]
    [InlineData("merge-to-main", "refs/heads/trunk", "LAP_SOURCE_DEFAULT_BRANCH trunk", "LAP_SOURCE_REF=refs/heads/trunk", "LAP_SOURCE_DEFAULT_BRANCH=trunk")]
    [InlineData("nightly", "refs/heads/main", "LAP_SOURCE_EVENT nightly", "LAP_SOURCE_EVENT=nightly")]
    [InlineData("nightly", "refs/heads/x", "LAP_SOURCE_EVENT nightly, LAP_SOURCE_REF refs/heads/x", "LAP_SOURCE_EVENT=nightly", "LAP_SOURCE_REF=refs/heads/x")]
    [InlineData("branch", "refs/heads/x", "LAP_SOURCE_REF refs/heads/x", "LAP_SOURCE_REF=refs/heads/x", "GITHUB_ACTIONS=true", "GITHUB_EVENT_NAME=pull_request", "GITHUB_REF=refs/pull/1/merge")]
    public async Task Any_other_service_says_it_with_variables_of_our_own(string kind, string reference, string evidence, params string[] variables)
    {
        await Repository();
        Is(await Find([.. Pairs(variables), ("LAP_SOURCE_REPOSITORY", "https://u:secret@else.example.org/r")]), kind, reference, evidence);
        Assert.Equal("git+https://else.example.org/r", (await Find(("LAP_SOURCE_REPOSITORY", "https://u:secret@else.example.org/r"))).Repository);
    }

    [Theory]
    [InlineData("GITHUB_SHA", "GITHUB_ACTIONS")]
    [InlineData("CI_COMMIT_SHA", "GITLAB_CI")]
    [InlineData("GIT_COMMIT", "JENKINS_URL")]
    [InlineData("LAP_SOURCE_COMMIT", "x")]
    public async Task A_service_that_speaks_of_another_commit_than_git_is_refused(string variable, string service)
    {
        var first = await Repository();
        var head = await Commit("b");
        var problem = await Refused((service, "true"), (variable, first));
        Assert.Equal($"{variable} is {first}, but {head} is checked out", problem.What);
        Assert.Contains("LAP_SOURCE_COMMIT", problem.Mend, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("LAP_SOURCE_REF", "main")]
    [InlineData("LAP_SOURCE_REF", "refs/heads/a b")]
    [InlineData("LAP_SOURCE_REF", "refs/heads/a\u001b[31m")]
    [InlineData("LAP_SOURCE_EVENT", "merge to main")]
    public async Task A_ref_or_event_that_is_none_is_refused(string variable, string value)
    {
        await Repository();
        Assert.Equal(variable, (await Refused((variable, value))).Where);
    }

    [Theory]
    [InlineData("https://github.com/o/r", "git+https://github.com/o/r")]
    [InlineData("https://github.com/o/r.git/", "git+https://github.com/o/r")]
    [InlineData("https://user:p@ss:w@rd@GitHub.com:443/o/r.git", "git+https://github.com/o/r")]
    [InlineData("https://ghp_token@github.com/o/r", "git+https://github.com/o/r")]
    [InlineData("https://github.com/o/r?private_token=x#y", "git+https://github.com/o/r")]
    [InlineData("git@github.com:o/r.git", "git+https://github.com/o/r")]
    [InlineData("github.com:/o/r", "git+https://github.com/o/r")]
    [InlineData("ssh://git@git.example.org:2222/o/r.git", "git+https://git.example.org/o/r")]
    [InlineData("git://git.example.org/r", "git+https://git.example.org/r")]
    [InlineData("http://[::1]:3000/o/r", "git+https://[::1]/o/r")]
    [InlineData("git+https://git.example.org/r", "git+https://git.example.org/r")]
    [InlineData("/srv/git/my repo.git", "git+file:///srv/git/my%20repo.git")]
    [InlineData("file:///srv/git/r.git", "git+file:///srv/git/r.git")]
    [InlineData("../r.git", "git+file:///home/r.git")]
    [InlineData("https://user:secret@host", "git+https://host/")]
    public void A_repository_has_one_name_and_no_password(string address, string expected) => Assert.Equal(expected, RepositoryUri.Of(address, "/home/x"));

    [Fact]
    public async Task A_repository_that_is_nowhere_else_is_named_by_its_folder()
    {
        await Git("init", "-q");
        await Commit("a");
        Assert.Equal("git+file://" + folder.Path, (await Find()).Repository);
        await Git("remote", "add", "upstream", "git@git.example.org:team/shop.git");
        Assert.Equal("git+https://git.example.org/team/shop", (await Find()).Repository);
    }

    [Theory]
    [InlineData("https://github.com/o/r/.github/workflows/publish.yml@refs/heads/main", "GITHUB_ACTIONS=true", "GITHUB_WORKFLOW_REF=o/r/.github/workflows/publish.yml@refs/heads/main")]
    [InlineData("https://gitlab.example.org/o/r//.gitlab-ci.yml@refs/heads/main", "GITLAB_CI=true", "CI_PROJECT_URL=https://gitlab.example.org/o/r", "CI_COMMIT_BRANCH=main")]
    [InlineData("https://gitlab.example.org/o/r//ci/x.yml@refs/tags/v1", "GITLAB_CI=true", "CI_PROJECT_URL=https://gitlab.example.org/o/r", "CI_COMMIT_TAG=v1", "CI_CONFIG_PATH=ci/x.yml")]
    [InlineData("https://ci.example.org/job/shop/", "JENKINS_URL=https://ci.example.org/", "JOB_URL=https://ci.example.org/job/shop/")]
    [InlineData("urn:own", "LAP_BUILDER=urn:own", "JENKINS_URL=https://ci.example.org/", "JOB_URL=https://ci.example.org/job/shop/")]
    public void The_builder_is_what_the_service_calls_it(string expected, params string[] variables) =>
        Assert.Equal(expected, SourceEvents.BuilderOf(null, n => Pairs(variables).Where(v => v.Name == n).Select(v => v.Value).FirstOrDefault()));

    [Fact]
    public void The_builder_is_the_one_asked_for_or_this_user_here()
    {
        Assert.Equal("https://x.example.org/y", SourceEvents.BuilderOf("https://x.example.org/y", _ => "urn:other"));
        Assert.Matches("^urn:laptime:local:[^@ ]+@[^@ ]+$", SourceEvents.BuilderOf(null, _ => null));
        foreach (var bad in (string[])["main", "a b:c", "://x", "https://x\n", "urn:a*", "1"])
        {
            Assert.Contains("no name of a builder", Assert.Throws<LapException>(() => SourceEvents.BuilderOf(bad, _ => null)).Message, StringComparison.Ordinal);
        }
    }

    private static (string Name, string Value)[] Pairs(string[] variables) => [.. variables.Select(v => (v[..v.IndexOf('=')], v[(v.IndexOf('=') + 1)..]))];
}
