using System.Collections.Immutable;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace Laptime.Precompile;

/// <summary>One assembly's metadata.</summary>
internal sealed class Module(PEReader file)
{
    /// <summary>Keeps the metadata in memory.</summary>
    public PEReader File { get; } = file;

    public MetadataReader Metadata { get; } = file.GetMetadataReader();

    public string Name => field ??= Metadata.GetString(Metadata.GetAssemblyDefinition().Name);

    /// <summary>Namespace and name, nested types after a '+'.</summary>
    public string NameOf(TypeDefinitionHandle handle)
    {
        var type = Metadata.GetTypeDefinition(handle);
        var name = Metadata.GetString(type.Name);
        if (type.GetDeclaringType() is { IsNil: false } outer)
        {
            return NameOf(outer) + "+" + name;
        }

        var space = Metadata.GetString(type.Namespace);
        return space.Length == 0 ? name : space + "." + name;
    }

    public bool IsValue(TypeDefinitionHandle handle)
    {
        var parent = Metadata.GetTypeDefinition(handle).BaseType;
        var name = parent.IsNil ? default
            : parent.Kind == HandleKind.TypeReference ? Metadata.GetTypeReference((TypeReferenceHandle)parent).Name
            : parent.Kind == HandleKind.TypeDefinition ? Metadata.GetTypeDefinition((TypeDefinitionHandle)parent).Name
            : default;
        return !name.IsNil && Metadata.GetString(name) is "ValueType" or "Enum" && NameOf(handle) != "System.Enum";
    }
}

/// <summary>All assemblies that are compiled together, and the types they define by name.</summary>
internal sealed class Assemblies : ISignatureTypeProvider<Shape, Module>
{
    private readonly Dictionary<string, (Module Module, TypeDefinitionHandle Handle)> types = new(StringComparer.Ordinal);

    public Assemblies(IEnumerable<string> files)
    {
        foreach (var file in files)
        {
            var image = new PEReader(File.OpenRead(file));
            if (!image.HasMetadata)
            {
                continue;
            }

            var module = new Module(image);
            Modules.Add(module);
            foreach (var handle in module.Metadata.TypeDefinitions)
            {
                types.TryAdd(module.NameOf(handle), (module, handle));
            }
        }
    }

    public List<Module> Modules { get; } = [];

    /// <summary>Null: none of the assemblies defines it.</summary>
    public Shape.Defined? Find(string name, ImmutableArray<Shape> arguments) =>
        types.TryGetValue(name, out var type) ? new Shape.Defined(type.Module, type.Handle, arguments) : null;

    public Shape GetArrayType(Shape elementType, ArrayShape shape) => new Shape.Unsupported();

    public Shape GetByReferenceType(Shape elementType) => new Shape.Reference(elementType);

    public Shape GetFunctionPointerType(MethodSignature<Shape> signature) => new Shape.Unsupported();

    public Shape GetGenericInstantiation(Shape genericType, ImmutableArray<Shape> typeArguments) =>
        genericType is Shape.Defined defined ? defined with { Arguments = typeArguments } : new Shape.Unsupported();

    public Shape GetGenericMethodParameter(Module genericContext, int index) => new Shape.MethodParameter(index);

    public Shape GetGenericTypeParameter(Module genericContext, int index) => new Shape.TypeParameter(index);

    public Shape GetModifiedType(Shape modifier, Shape unmodifiedType, bool isRequired) => new Shape.Modified(modifier, unmodifiedType, isRequired);

    public Shape GetPinnedType(Shape elementType) => elementType;

    public Shape GetPointerType(Shape elementType) => new Shape.Pointer(elementType);

    public Shape GetPrimitiveType(PrimitiveTypeCode typeCode) => new Shape.Primitive(typeCode);

    public Shape GetSZArrayType(Shape elementType) => new Shape.Array(elementType);

    public Shape GetTypeFromDefinition(MetadataReader reader, TypeDefinitionHandle handle, byte rawTypeKind) =>
        new Shape.Defined(Modules.First(m => m.Metadata == reader), handle, []);

    public Shape GetTypeFromReference(MetadataReader reader, TypeReferenceHandle handle, byte rawTypeKind) =>
        Find(NameOf(reader, handle), []) is { } found ? found : new Shape.Unsupported();

    public Shape GetTypeFromSpecification(MetadataReader reader, Module genericContext, TypeSpecificationHandle handle, byte rawTypeKind) =>
        reader.GetTypeSpecification(handle).DecodeSignature(this, genericContext);

    private static string NameOf(MetadataReader reader, TypeReferenceHandle handle)
    {
        var type = reader.GetTypeReference(handle);
        var name = reader.GetString(type.Name);
        if (type.ResolutionScope.Kind == HandleKind.TypeReference)
        {
            return NameOf(reader, (TypeReferenceHandle)type.ResolutionScope) + "+" + name;
        }

        var space = reader.GetString(type.Namespace);
        return space.Length == 0 ? name : space + "." + name;
    }
}
