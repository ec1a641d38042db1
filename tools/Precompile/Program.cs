using Laptime.Precompile;

// Precompile OUT GENERICS ASSEMBLIES: a profile that makes the ahead-of-time compiler compile what it leaves to run time otherwise.
//   OUT         the profile (an assembly that only lists methods, as `crossgen2 --mibc` reads it)
//   GENERICS    methods as the runtime's own list of compiled methods names them, one a line
//   ASSEMBLIES  a file with the path of an assembly in each line
if (args.Length != 3)
{
    Console.Error.WriteLine("Precompile OUT GENERICS ASSEMBLIES");
    return 2;
}

var assemblies = new Assemblies(File.ReadLines(args[2]).Where(l => l.Length > 0));
var profile = new Profile(assemblies);
foreach (var box in AsyncBoxes.Of(assemblies))
{
    profile.AddMethodsOf(box);
}

var (ofBoxes, unknown) = (profile.Count, 0);
foreach (var line in File.ReadLines(args[1]).Where(l => l.Length > 0 && l[0] != '#'))
{
    // A name that is no more there costs nothing but that method's compilation at run time.
    unknown += profile.TryAdd(line) ? 0 : 1;
}

profile.Save(args[0]);
Console.WriteLine($"{ofBoxes} methods of async state machines, {profile.Count - ofBoxes} of the list ({unknown} of its lines are not there any more)");
return 0;
