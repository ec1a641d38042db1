using System.Text.Json;

namespace Laptime.Workspaces.Init;

/// <summary>What a project file says about how its folder is built and run; null: it is nothing that is deployed.</summary>
internal sealed class ProjectGuess(FolderScan scan)
{
    private static readonly string[] SharedDotnetFiles = ["Directory.Build.props", "Directory.Build.targets", "Directory.Packages.props", "global.json", "nuget.config"];

    public ComponentGuess? Dotnet(string folder, string file, out string meaning)
    {
        var text = scan.Read(FolderScan.Join(folder, file));
        var assembly = Between(text, "<AssemblyName>", "</AssemblyName>") is { } named && !named.Contains('$') ? named : Path.GetFileNameWithoutExtension(file);
        if (text.Contains("Microsoft.NET.Test.Sdk", StringComparison.Ordinal) || text.Contains("<IsTestProject>true", StringComparison.OrdinalIgnoreCase) || text.Contains("\"xunit", StringComparison.Ordinal))
        {
            meaning = "a test project: not deployed";
            return null;
        }

        var web = text.Contains("Microsoft.NET.Sdk.Web", StringComparison.Ordinal);
        var worker = text.Contains("Microsoft.NET.Sdk.Worker", StringComparison.Ordinal) || Between(text, "<OutputType>", "</OutputType>") is "Exe" or "WinExe";
        if (!web && !worker)
        {
            meaning = "a library: an input of the projects that refer to it";
            return null;
        }

        var guess = new ComponentGuess(Path.GetFileNameWithoutExtension(file), folder) { UsesConfiguration = true };
        guess.Inputs.AddRange(["**", "!out/**", "!bin/**", "!obj/**"]);
        References(guess, folder, text, 0, []);
        for (var (up, at) = ("", folder); at.Length > 0;)
        {
            (at, up) = (at.Contains('/') ? at[..at.LastIndexOf('/')] : "", up + "../");
            foreach (var shared in SharedDotnetFiles)
            {
                if (scan.Exists(FolderScan.Join(at, shared)))
                {
                    guess.Inputs.Add(up + shared);
                }
            }
        }

        guess.Steps.Add(("publish", "compile", $"dotnet publish {Shell(file)} -c ${{profile.configuration}} -o out --nologo", []));
        guess.Outputs.Add("out/**");
        guess.Command = $"dotnet {Shell("out/" + assembly + ".dll")}" + (web ? " --urls http://127.0.0.1:${port}" : "");
        if (web)
        {
            guess.Port = Between(scan.Read(FolderScan.Join(folder, "Properties/launchSettings.json")), "http://localhost:", "\"") is { } url && int.TryParse(url.Split(';')[0], out var port) ? port : 0;
            guess.Health = Between(scan.Read(FolderScan.Join(folder, "Program.cs")), "MapHealthChecks(\"", "\"");
        }

        guess.Why.Add(web ? $"{file} uses Microsoft.NET.Sdk.Web: an ASP.NET Core application." : $"{file} is an executable without a web server: it gets no port.");
        meaning = web ? "an ASP.NET Core application" : "a .NET executable";
        return guess;
    }

    public ComponentGuess? Node(string folder, out string meaning)
    {
        meaning = "no `start` script: nothing that is deployed by itself";
        var (start, build, name, roots) = (false, false, (string?)null, false);
        try
        {
            using var json = JsonDocument.Parse(scan.Read(FolderScan.Join(folder, "package.json")), new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            if (json.RootElement.ValueKind == JsonValueKind.Object)
            {
                roots = json.RootElement.TryGetProperty("workspaces", out _);
                name = json.RootElement.TryGetProperty("name", out var n) && n.ValueKind == JsonValueKind.String ? n.GetString() : null;
                if (json.RootElement.TryGetProperty("scripts", out var scripts) && scripts.ValueKind == JsonValueKind.Object)
                {
                    (start, build) = (scripts.TryGetProperty("start", out _), scripts.TryGetProperty("build", out _));
                }
            }
        }
        catch (JsonException)
        {
            meaning = "not valid JSON: left out";
            return null;
        }

        if (!start)
        {
            meaning = roots ? "the root of npm workspaces: its packages are looked at by themselves" : meaning;
            return null;
        }

        var (tool, install, lockFile) = scan.Exists(FolderScan.Join(folder, "pnpm-lock.yaml")) ? ("pnpm", "pnpm install --frozen-lockfile", "pnpm-lock.yaml")
            : scan.Exists(FolderScan.Join(folder, "yarn.lock")) ? ("yarn", "yarn install --frozen-lockfile", "yarn.lock")
            : scan.Exists(FolderScan.Join(folder, "package-lock.json")) ? ("npm", "npm ci", "package-lock.json")
            : ("npm", "npm install", null);
        var guess = new ComponentGuess(name is null ? Last(folder) : name[(name.LastIndexOf('/') + 1)..], folder) { Command = tool + " start", Port = 0 };
        guess.Inputs.AddRange(["**", "!node_modules/**", "!dist/**", "!build/**", "!.next/**"]);
        guess.Steps.Add(("install", "install", install, lockFile is null ? ["package.json"] : ["package.json", lockFile]));
        if (build)
        {
            guess.Steps.Add(("build", "compile", tool + " run build", []));
        }

        guess.Outputs.Add("**");
        guess.Env["PORT"] = "${port}";
        guess.Why.Add("package.json has a `start` script. It should listen on the PORT it is given.");
        guess.Why.Add("The artifact is the whole folder, node_modules too, so that it runs by itself: narrow `outputs` when your build bundles.");
        meaning = "a Node.js application";
        return guess;
    }

    public List<ComponentGuess> Go(string folder, List<string> files, List<(string Path, List<string> Files)> folders)
    {
        var text = scan.Read(FolderScan.Join(folder, "go.mod"));
        var module = Between("\n" + text + "\n", "\nmodule ", "\n")?.Trim() ?? Last(folder);
        var mains = new List<(string Name, string Package)>();
        if (files.Exists(f => f.EndsWith(".go", StringComparison.Ordinal) && scan.Read(FolderScan.Join(folder, f)).Contains("package main", StringComparison.Ordinal)))
        {
            mains.Add((module[(module.LastIndexOf('/') + 1)..], "."));
        }

        var prefix = FolderScan.Join(folder, "cmd/");
        foreach (var (path, inside) in folders)
        {
            if (path.StartsWith(prefix, StringComparison.Ordinal) && !path[prefix.Length..].Contains('/') && inside.Contains("main.go"))
            {
                mains.Add((path[prefix.Length..], "./cmd/" + path[prefix.Length..]));
            }
        }

        var guesses = new List<ComponentGuess>();
        foreach (var (name, package) in mains)
        {
            var program = ValueBinder.NameLike(name) ?? "app";
            var guess = new ComponentGuess(name, folder) { Command = "out/" + program, Port = 0 };
            guess.Inputs.AddRange(["**", "!out/**"]);
            guess.Steps.Add(("build", "compile", $"go build -o out/{program} {Shell(package)}", []));
            guess.Outputs.Add("out/" + program);
            guess.Env["PORT"] = "${port}";
            guess.Why.Add($"go.mod, and `package main` in {(package == "." ? "the folder" : package[2..])}. It should listen on the PORT it is given;");
            guess.Why.Add("remove `port`, `env` and `probes` when it serves none.");
            guesses.Add(guess);
        }

        return guesses;
    }

    public ComponentGuess? Rust(string folder, out string meaning)
    {
        var text = scan.Read(FolderScan.Join(folder, "Cargo.toml"));
        var package = text.IndexOf("[package]", StringComparison.Ordinal);
        if (package < 0 || !(scan.Exists(FolderScan.Join(folder, "src/main.rs")) || text.Contains("[[bin]]", StringComparison.Ordinal)))
        {
            meaning = package < 0 ? "the root of a Cargo workspace: its packages are looked at by themselves" : "a library: not deployed by itself";
            return null;
        }

        var name = Between(text[package..].Replace(" ", ""), "\nname=\"", "\"") ?? Last(folder);
        var program = ValueBinder.NameLike(name) ?? "app";
        var guess = new ComponentGuess(name, folder) { Command = "target/release/" + program, Port = 0 };
        guess.Inputs.AddRange(["**", "!target/**"]);
        guess.Steps.Add(("build", "compile", "cargo build --release --target-dir target", []));
        guess.Outputs.Add("target/release/" + program);
        guess.Env["PORT"] = "${port}";
        guess.Why.Add("Cargo.toml with a program. It should listen on the PORT it is given;");
        guess.Why.Add("remove `port`, `env` and `probes` when it serves none.");
        meaning = "a Rust program";
        return guess;
    }

    public ComponentGuess? Python(string folder, List<string> files, out string meaning)
    {
        var requirements = files.Contains("requirements.txt");
        var wanted = scan.Read(FolderScan.Join(folder, requirements ? "requirements.txt" : "pyproject.toml")).ToLowerInvariant();
        var main = files.Find(static f => f is "manage.py") ?? files.Find(static f => f is "main.py" or "app.py" or "server.py" or "wsgi.py");
        if (main is null)
        {
            meaning = "no manage.py, main.py, app.py or server.py: nothing that is started by itself";
            return null;
        }

        var module = main[..^3];
        var guess = new ComponentGuess(Last(folder), folder) { Port = 0 };
        guess.Command = main == "manage.py" ? "python3 manage.py runserver --noreload 127.0.0.1:${port}"
            : wanted.Contains("uvicorn", StringComparison.Ordinal) || wanted.Contains("fastapi", StringComparison.Ordinal) ? $"python3 -m uvicorn {module}:app --host 127.0.0.1 --port ${{port}}"
            : wanted.Contains("flask", StringComparison.Ordinal) ? $"python3 -m flask --app {module} run --port ${{port}}"
            : "python3 " + main;
        guess.Inputs.AddRange(["**", "!site/**", "!**/__pycache__/**"]);
        guess.Steps.Add(("install", "install", requirements ? "python3 -m pip install --quiet --target site -r requirements.txt" : "python3 -m pip install --quiet --target site .",
            requirements ? ["requirements.txt"] : []));
        guess.Outputs.AddRange(["**"]);
        guess.Env["PYTHONPATH"] = "site";
        guess.Env["PORT"] = "${port}";
        guess.Why.Add($"{(requirements ? "requirements.txt" : "pyproject.toml")} and {main}. Its packages go to site/ beside it, so that the artifact runs by itself;");
        guess.Why.Add("it should listen on the PORT it is given.");
        meaning = "a Python application";
        return guess;
    }

    public ComponentGuess Image(string folder, string dockerfile)
    {
        var guess = new ComponentGuess(Last(folder), folder) { Image = (dockerfile, null) };
        foreach (var line in scan.Read(FolderScan.Join(folder, dockerfile)).Split('\n'))
        {
            if (line.StartsWith("EXPOSE ", StringComparison.OrdinalIgnoreCase) && int.TryParse(line[7..].Trim().Split('/', ' ')[0], out var port) && port is > 0 and < 65536)
            {
                guess.Port = port;
            }
        }

        guess.Why.Add($"{dockerfile} builds an image{(guess.Port is null ? "" : " that exposes a port")}; the image's own command starts it.");
        return guess;
    }

    private void References(ComponentGuess guess, string folder, string text, int depth, HashSet<string> seen)
    {
        for (var at = text.IndexOf("<ProjectReference", StringComparison.Ordinal); at >= 0; at = text.IndexOf("<ProjectReference", at + 1, StringComparison.Ordinal))
        {
            if (Between(text[at..], "Include=\"", "\"") is not { } include || include.Contains("$(", StringComparison.Ordinal) || include.Contains('*'))
            {
                continue;
            }

            var project = Path.GetRelativePath("/", Path.GetFullPath(Path.Combine("/", folder, include.Replace('\\', '/')))).Replace('\\', '/');
            if (!scan.Exists(project) || !seen.Add(project))
            {
                continue;
            }

            var library = project.Contains('/') ? project[..project.LastIndexOf('/')] : "";
            var relative = Path.GetRelativePath(folder.Length == 0 ? "/" : "/" + folder, "/" + library).Replace('\\', '/');
            if (relative.StartsWith("..", StringComparison.Ordinal))
            {
                guess.Inputs.AddRange([relative + "/**", $"!{relative}/bin/**", $"!{relative}/obj/**"]);
            }

            if (depth < 16)
            {
                References(guess, library, scan.Read(project), depth + 1, seen);
            }
        }
    }

    private static string? Between(string text, string before, string after)
    {
        var start = text.IndexOf(before, StringComparison.Ordinal);
        if (start < 0)
        {
            return null;
        }

        start += before.Length;
        var end = text.IndexOf(after, start, StringComparison.Ordinal);
        return end > start ? text[start..end].Trim() : null;
    }

    private static string Last(string folder) => folder.Length == 0 ? "app" : folder[(folder.LastIndexOf('/') + 1)..];

    /// <summary>A word of a shell command; ${ stays what it is.</summary>
    private static string Shell(string word)
    {
        foreach (var c in word)
        {
            if (!char.IsAsciiLetterOrDigit(c) && !"._/-".Contains(c))
            {
                return "'" + word.Replace("'", "'\\''").Replace("${", "$${") + "'";
            }
        }

        return word;
    }
}
