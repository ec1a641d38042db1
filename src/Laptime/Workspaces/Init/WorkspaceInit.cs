using Laptime.Foundations;
using Laptime.Workspaces.Compose;

namespace Laptime.Workspaces.Init;

/// <summary>Looks at a folder and writes a first laptime.yaml, each guess with its reason. Reads only; runs nothing.</summary>
public static class WorkspaceInit
{
    /// <summary>Detects what is in the folder.</summary>
    /// <exception cref="LapException">The folder does not exist.</exception>
    /// <param name="isSwarmManager">Whether the engine is a swarm's manager, asked only for a compose file that is one for Swarm; null: it is not.</param>
    public static InitProposal Detect(string root, Func<bool>? isSwarmManager = null)
    {
        var folder = Path.GetFullPath(root);
        if (!Directory.Exists(folder))
        {
            throw new LapException("the folder does not exist", WorkspaceFile.Shown(folder), "name a folder");
        }

        return new Detection(folder, isSwarmManager ?? (static () => false)).Propose();
    }

    /// <summary>Detects and writes laptime.yaml.</summary>
    /// <param name="overwrite">Replace one that is there.</param>
    /// <param name="isSwarmManager">As for <see cref="Detect"/>.</param>
    /// <exception cref="LapException">There is one already.</exception>
    public static InitProposal Write(string root, bool overwrite, Func<bool>? isSwarmManager = null)
    {
        var folder = Path.GetFullPath(root);
        foreach (var name in (ReadOnlySpan<string>)["laptime.yaml", "laptime.yml"])
        {
            var existing = Path.Combine(folder, name);
            if (File.Exists(existing) && !(overwrite && name == WorkspaceFile.FileName))
            {
                throw new LapException($"{name} is already here", WorkspaceFile.Shown(existing), name == WorkspaceFile.FileName ? "edit it, or write it anew with `lap init --force`" : "remove or rename it first");
            }
        }

        var proposal = Detect(folder, isSwarmManager);
        AtomicFile.Write(Path.Combine(folder, WorkspaceFile.FileName), proposal.Text);
        return proposal;
    }

    /// <summary>One look at one folder.</summary>
    private sealed class Detection(string root, Func<bool> isSwarmManager)
    {
        private readonly FolderScan scan = new(root);
        private readonly List<InitFinding> findings = [];
        private readonly List<ComponentGuess> components = [];
        private readonly List<(string Tool, string Path)> ledgers = [];
        private readonly List<string> kubernetes = [];
        private IReadOnlyList<string> compose = [];
        private string? swarmEvidence;
        private string? chart;

        public InitProposal Propose()
        {
            var projects = new ProjectGuess(scan);
            foreach (var (folder, files) in scan.Folders)
            {
                Projects(projects, folder, files);
                Kubernetes(folder, files);
                Migrations(folder, files);
            }

            Compose();
            var text = new InitText(Path.GetFileName(root), components, compose, swarmEvidence, kubernetes, chart, ledgers, scan.Cut).Write();
            return new InitProposal(text, findings);
        }

        private void Projects(ProjectGuess projects, string folder, List<string> files)
        {
            var before = components.Count;
            foreach (var file in files)
            {
                var path = FolderScan.Join(folder, file);
                switch (Path.GetExtension(file))
                {
                    case ".csproj" or ".fsproj" or ".vbproj":
                        Add("dotnet", path, projects.Dotnet(folder, file, out var meaning), meaning);
                        break;
                    case ".sln" or ".slnx":
                        findings.Add(new InitFinding("solution", path, "its projects are looked at by themselves"));
                        break;
                }
            }

            if (files.Contains("package.json"))
            {
                Add("node", FolderScan.Join(folder, "package.json"), projects.Node(folder, out var meaning), meaning);
            }

            if (files.Contains("go.mod"))
            {
                var programs = projects.Go(folder, files, scan.Folders);
                components.AddRange(programs);
                findings.Add(new InitFinding("go", FolderScan.Join(folder, "go.mod"), programs.Count == 0 ? "no `package main`: a library" : $"a Go module with {programs.Count} program(s)"));
            }

            if (files.Contains("Cargo.toml"))
            {
                Add("rust", FolderScan.Join(folder, "Cargo.toml"), projects.Rust(folder, out var meaning), meaning);
            }

            if (files.Contains("requirements.txt") || files.Contains("pyproject.toml"))
            {
                Add("python", FolderScan.Join(folder, files.Contains("requirements.txt") ? "requirements.txt" : "pyproject.toml"), projects.Python(folder, files, out var meaning), meaning);
            }

            if (files.Contains("Dockerfile"))
            {
                var built = components.Count > before;
                findings.Add(new InitFinding("dockerfile", FolderScan.Join(folder, "Dockerfile"), built ? "left as a comment: the project beside it is built by itself" : "a container image"));
                if (built)
                {
                    components[^1].Why.Add("There is a Dockerfile too: `build: { image: { dockerfile: Dockerfile } }` makes the artifact an image.");
                }
                else
                {
                    components.Add(projects.Image(folder, "Dockerfile"));
                }
            }
        }

        private void Add(string kind, string path, ComponentGuess? guess, string meaning)
        {
            findings.Add(new InitFinding(kind, path, meaning));
            if (guess is not null)
            {
                components.Add(guess);
            }
        }

        /// <summary>A compose file knows names, ports and order better than any guess.</summary>
        private void Compose()
        {
            if (ComposeFile.Find(root) is not { } file)
            {
                return;
            }

            var name = Path.GetFileName(file);
            IReadOnlyList<ComposeService> services;
            try
            {
                var project = ComposeFile.Read(ComposeFile.FindAll(root), Environment.GetEnvironmentVariable);
                services = project.Services;
                swarmEvidence = project.SwarmEvidence is { } evidence && isSwarmManager() ? evidence : null;
            }
            catch (LapException e)
            {
                findings.Add(new InitFinding("compose", name, "cannot be read: " + e.Problems[0].What));
                return;
            }

            compose = [.. ComposeFile.FindAll(root).Select(f => Path.GetFileName(f))];
            findings.Add(new InitFinding("compose", name, $"{services.Count} service(s)"));
            var named = new Dictionary<string, ComponentGuess>();
            foreach (var service in services)
            {
                if (service.Build is not { IsRemote: false } build || Inside(build.Context) is not { } folder)
                {
                    continue;
                }

                if (!scan.Exists(FolderScan.Join(folder, build.Dockerfile)))
                {
                    findings.Add(new InitFinding("compose", name, $"the Dockerfile of service {service.Name} is not there"));
                    if (components.Find(c => c.Path == folder && !named.ContainsValue(c)) is { } project)
                    {
                        components[components.IndexOf(project)] = named[service.Name] = project with { Name = service.Name, IsService = true, Port = service.Ports is [var port, ..] ? port.Published ?? port.Target : project.Port };
                    }

                    continue;
                }

                // The file says how it is built: an image, also where a project lies beside the Dockerfile.
                var guess = new ComponentGuess(service.Name, folder) { IsService = true, Image = (build.Dockerfile, build.Target), Arguments = build.Args, Port = service.Ports.FirstOrDefault(static p => p.Published is not null)?.Published };
                if (components.FindIndex(c => c.Path == folder && !named.ContainsValue(c)) is >= 0 and var found)
                {
                    guess.Health = components[found].Health;
                    components[found] = guess;
                }
                else
                {
                    components.Add(guess);
                }

                guess.Why.Add($"Service `{service.Name}` of {name}: name{(service.Ports.Count > 0 ? ", port" : "")} and order are from there.");
                named[service.Name] = guess;
            }

            foreach (var service in services)
            {
                if (named.TryGetValue(service.Name, out var guess))
                {
                    guess.Needs = [.. service.DependsOn.Keys.Where(d => named.ContainsKey(d) && d != service.Name)];
                }
            }
        }

        /// <summary>The context as a folder of the workspace; null: outside, or not known before compose runs.</summary>
        private string? Inside(string context)
        {
            var full = Path.GetFullPath(Path.Combine(root, context));
            return context.Contains('$') || !Directory.Exists(full) || !(full + "/").StartsWith(root.TrimEnd('/') + "/", StringComparison.Ordinal)
                ? null
                : Path.GetRelativePath(root, full).Replace('\\', '/') is "." ? "" : Path.GetRelativePath(root, full).Replace('\\', '/');
        }

        private void Kubernetes(string folder, List<string> files)
        {
            if (files.Contains("Chart.yaml"))
            {
                findings.Add(new InitFinding("chart", FolderScan.Join(folder, "Chart.yaml"), "a Helm chart: an environment on Kubernetes"));
                kubernetes.Add(folder);
                chart ??= folder;
                return;
            }

            if (kubernetes.Exists(k => k.Length == 0 || folder == k || folder.StartsWith(k + "/", StringComparison.Ordinal)))
            {
                return;
            }

            foreach (var file in files)
            {
                if (Path.GetExtension(file) is not (".yaml" or ".yml"))
                {
                    continue;
                }

                var text = "\n" + scan.Read(FolderScan.Join(folder, file));
                if (text.Contains("\napiVersion:", StringComparison.Ordinal) && text.Contains("\nkind:", StringComparison.Ordinal))
                {
                    findings.Add(new InitFinding("manifests", FolderScan.Join(folder, file), "a Kubernetes manifest: an environment on Kubernetes"));
                    kubernetes.Add(folder);
                    return;
                }
            }
        }

        private void Migrations(string folder, List<string> files)
        {
            var name = folder[(folder.LastIndexOf('/') + 1)..];
            var tool = name switch
            {
                "versions" when folder.EndsWith("alembic/versions", StringComparison.Ordinal) || folder.EndsWith("migrations/versions", StringComparison.Ordinal) => "alembic",
                "migrate" when folder.EndsWith("db/migrate", StringComparison.Ordinal) => "rails",
                "Migrations" when files.Exists(static f => f.EndsWith(".Designer.cs", StringComparison.Ordinal)) => "ef",
                "migrations" or "Migrations" when files.Contains("atlas.sum") => "atlas",
                "migrations" or "Migrations" when files.Contains("__init__.py") => "django",
                "migrations" or "Migrations" or "migration" or "migrate" when files.Exists(static f => f.EndsWith(".up.sql", StringComparison.Ordinal)) => "golang-migrate",
                "migrations" or "Migrations" or "migration" or "migrate" when files.Exists(static f => f.EndsWith(".sql", StringComparison.Ordinal)) =>
                    files.Exists(static f => f.StartsWith('V') && f.Contains("__", StringComparison.Ordinal)) ? "flyway" : "auto",
                _ => null,
            };
            if (tool is not null && files.Count > 0)
            {
                findings.Add(new InitFinding("migrations", folder, tool == "auto" ? "SQL migrations" : $"migrations of {tool}"));
                ledgers.Add((tool, folder));
            }
        }
    }
}
